"""The machine and software that this process runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from harness import __version__
from harness.device.commit import commit_of
from harness.device.device import Device
from harness.device.host import cpu_name, package_version
from harness.values.environment import Environment
from harness.values.measurement import METHOD_VERSION


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
