"""Installs a wheel into an empty environment and runs the demo from it: `python -m sessions.first_run WHEEL FOLDER`.

The folder gets the environment, `environment/`, and an empty folder in which the demo runs, `demo/`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sessions.changelog import ROOT

SUITE = "qwen3_5_moe_tiny.yaml"
DEMO = (
    ("sweep", SUITE, "--allow-failure"),  # a shared machine may be too noisy to be trusted
    ("run", SUITE, "--processes", "3", "-m", "demo"),
    ("report", "last", "--format", "html"),
)
"""The commands of `nox -s demo`."""
COPY = (
    f"import harness_suites, pathlib, shutil; shutil.copy(pathlib.Path([*harness_suites.__path__][0], {SUITE!r}), '.')"
)


def first_run(wheel: Path, folder: Path) -> None:
    """Raises SystemExit at the first command that fails; prints each command with the seconds that it took."""
    shutil.rmtree(folder, ignore_errors=True)
    environment, demo = folder / "environment", folder / "demo"
    demo.mkdir(parents=True)
    _timed(folder, sys.executable, "-m", "venv", str(environment))
    python = str(environment / "bin" / "python")
    _timed(folder, python, "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel.resolve()))
    _timed(demo, python, "-c", COPY)
    for command in DEMO:
        _timed(demo, str(environment / "bin" / "harness"), *command)
    if not list(demo.glob(".harness/reports/*/report.html")):
        raise SystemExit(f"{demo}: no report was written")


def _timed(folder: Path, *command: str) -> None:
    """Runs a command outside of the checkout, which its environment does not name."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HARNESS", "VIRTUAL"))}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=clean, check=False)
    shown = " ".join([Path(command[0]).name, *command[1:]])
    print(f"{time.perf_counter() - start:6.1f} s  {shown[:100]}", flush=True)
    if done.returncode:
        raise SystemExit(f"status {done.returncode}: {shown}")


if __name__ == "__main__":
    first_run(Path(sys.argv[1]), Path(sys.argv[2]).resolve())
