"""Public commands in real processes, as a new user types them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests import commands


class Said(NamedTuple):
    status: int
    text: str
    """Standard output, then standard error."""


def harness(folder: Path, *arguments: str, **environment: str) -> Said:
    """A command in a folder, without a GPU."""
    inherited = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    own = inherited | {"COLUMNS": "200", "CUDA_VISIBLE_DEVICES": ""} | environment
    done = commands.harness(folder, *arguments, environment=own)
    return Said(done.status, done.out + done.err)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True
    )
