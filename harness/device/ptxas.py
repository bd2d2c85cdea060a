"""The ptxas that Triton assembles with, found without importing Triton."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from functools import cache
from pathlib import Path


def ptxas_path(capability: int) -> str | None:
    """The path for an architecture (90 for `sm_90`), by the rule of Triton's `knobs.nvidia`; None without Triton."""
    name = "ptxas-blackwell" if capability >= 100 else "ptxas"
    given = os.environ.get(f"TRITON_{name.upper().replace('-', '_')}_PATH")
    spec = importlib.util.find_spec("triton")
    own = list(spec.submodule_search_locations or ()) if spec else []
    paths = [given] if given else []
    paths += [str(Path(folder, "backends", "nvidia", "bin", name)) for folder in own]
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def ptxas_version(capability: int) -> str | None:
    """The last line of `ptxas --version`, which names the build; None where no ptxas runs."""
    lines = _answer(capability).splitlines()
    return lines[-1] if lines else None


def ptxas_release(capability: int) -> str | None:
    """`12.8.93`; None where no ptxas runs."""
    found = re.search(r"V(\d+(?:\.\d+)+)", _answer(capability))
    return found[1] if found else None


@cache
def _answer(capability: int) -> str:
    path = ptxas_path(capability)
    if path is None:
        return ""
    try:
        return subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
