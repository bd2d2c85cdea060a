"""Public commands in real processes, as a new user types them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Said(NamedTuple):
    status: int
    text: str
    """Standard output, then standard error."""


def harness(folder: Path, *arguments: str, **environment: str) -> Said:
    """A command in a folder, without a GPU."""
    inherited = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        timeout=240, env=inherited | {"COLUMNS": "200", "CUDA_VISIBLE_DEVICES": ""} | environment,
    )  # fmt: skip
    return Said(done.returncode, done.stdout + done.stderr)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True
    )
