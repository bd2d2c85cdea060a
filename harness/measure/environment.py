"""What this process runs on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from harness import __version__
from harness.host import cpu_name, package_version
from harness.measure.bandwidth import read_gb_s
from harness.measure.conditions import ConditionsReader
from harness.values.environment import Environment
from harness.values.measurement import METHOD_VERSION

COMMIT_FILE = ".commit"
"""Beside the suite or above it: the commit, where the tree was copied without its `.git`."""


def capture(suite_folder: Path, measure_bandwidth: bool = True) -> Environment:
    """The environment of this process. Measuring the bandwidth takes about 0.1 s on a GPU, 0.3 s on a CPU."""
    cuda = torch.cuda.is_available()
    gpu = _gpu() if cuda else {}
    device = "cuda" if cuda else "cpu"
    return Environment(
        device_kind=device,
        device_name=torch.cuda.get_device_name(0) if cuda else cpu_name(),
        python=platform.python_version(),
        torch=str(torch.__version__),
        triton=package_version("triton"),
        cpu=cpu_name(),
        cpu_cores=len(os.sched_getaffinity(0)),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        read_gb_s=read_gb_s(device) if measure_bandwidth else None,
        commit=commit_of(suite_folder),
        threads=None if cuda else torch.get_num_threads(),
        harness=__version__,
        method=METHOD_VERSION,
        **gpu,
    )


def settle_threads() -> None:
    """Half of the cores for torch on a CPU, unless OMP_NUM_THREADS says otherwise: with a thread on every core,
    whatever else runs makes all of them wait, and an op of 50 us takes 5 ms (seen with four threads on four cores)."""
    if not torch.cuda.is_available() and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))


def _gpu() -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(0)
    uuid = f"GPU-{properties.uuid}"
    reader = ConditionsReader(uuid)
    major, minor = torch.cuda.get_device_capability(0)
    return {
        "device_uuid": uuid,
        "sm_count": properties.multi_processor_count,
        "compute_capability": f"sm_{major}{minor}",
        "memory_bytes": properties.total_memory,
        "l2_bytes": properties.L2_cache_size,
        "driver": reader.driver(),
        "cuda": torch.version.cuda,
        "ptxas": _ptxas_version(),
        "power_limit_w": reader.power_limit_w(),
        "max_sm_clock_mhz": reader.max_sm_clock_mhz(),
        "clocks_policy": "as found",
    }


def _ptxas_version() -> str | None:
    try:
        from triton.backends.nvidia.compiler import get_ptxas_version
    except ImportError:
        return None
    try:
        text = str(get_ptxas_version(torch.cuda.get_device_capability(0)[0] * 10))
    except (TypeError, RuntimeError, OSError, subprocess.SubprocessError):
        return None
    lines = text.strip().splitlines()
    return lines[-1] if lines else None


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
