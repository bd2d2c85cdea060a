"""The machine that runs the programs, found without torch: programs bring their own."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from harness import __version__
from harness.device.commit import commit_of
from harness.device.host import cpu_name
from harness.device.nvml import ConditionsReader, Gpu, first_visible_gpu
from harness.values.environment import Environment
from harness.values.measurement import METHOD_VERSION


def environment_of(folder: Path) -> Environment:
    """The environment of a program started in the folder: the first GPU that it can see, else the CPU."""
    gpu = first_visible_gpu()
    return Environment(
        python=platform.python_version(),
        torch="",
        cpu=cpu_name(),
        cpu_cores=len(os.sched_getaffinity(0)),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        commit=commit_of(folder),
        harness=__version__,
        method=METHOD_VERSION,
        **(_gpu_facts(gpu) if gpu is not None else {"device_kind": "cpu", "device_name": cpu_name()}),
    )


def _gpu_facts(gpu: Gpu) -> dict[str, Any]:
    uuid = str(gpu.ask("UUID") or "")
    reader, major_minor = ConditionsReader(uuid), gpu.ask("CudaComputeCapability")
    memory = gpu.ask("MemoryInfo")
    return {
        "device_kind": "cuda",
        "device_name": str(gpu.ask("Name") or "GPU"),
        "device_uuid": uuid or None,
        "compute_capability": f"sm_{major_minor[0]}{major_minor[1]}" if major_minor else None,
        "memory_bytes": int(memory.total) if memory is not None else None,
        "driver": gpu.driver(),
        "power_limit_w": reader.power_limit_w(),
        "max_sm_clock_mhz": reader.max_sm_clock_mhz(),
        "clocks_policy": "as found",
    }
