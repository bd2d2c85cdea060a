"""The machine and software that this process runs on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch

from harness import __version__
from harness.device.device import Device
from harness.device.host import cpu_name, package_version
from harness.values.environment import Environment
from harness.values.measurement import METHOD_VERSION

COMMIT_FILE = ".commit"
"""Beside the suite or above it: the commit, where the tree was copied without its `.git`."""


def read_environment(device: Device, suite_folder: Path, measure_bandwidth: bool = True) -> Environment:
    """The environment of this process. Measuring the bandwidth takes about 0.1 s on a GPU, 0.3 s on a CPU."""
    return Environment(
        device_kind=device.kind,
        python=platform.python_version(),
        torch=str(torch.__version__),
        triton=package_version("triton"),
        cpu=cpu_name(),
        cpu_cores=len(os.sched_getaffinity(0)),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        read_gb_s=device.read_gb_s() if measure_bandwidth else None,
        commit=commit_of(suite_folder),
        harness=__version__,
        method=METHOD_VERSION,
        **device.facts(),
    )


def commit_of(folder: Path) -> str | None:
    """The commit of the repository that holds `folder`, with `+` where tracked files differ from it; or what a file
    `.commit` at or above it says; or None."""
    try:
        head = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        if head.returncode == 0:
            status = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"]
            changed = subprocess.run(status, capture_output=True, text=True, check=False).stdout.strip()
            return head.stdout.strip() + ("+" if changed else "")
    except FileNotFoundError:
        pass
    for parent in (folder.resolve(), *folder.resolve().parents):
        file = parent / COMMIT_FILE
        if file.is_file():
            return file.read_text().strip() or None
    return None
