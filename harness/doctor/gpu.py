"""The GPUs as NVML reports them, and conditions that would disturb or bias a timing on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from harness.device.nvml import Gpu, all_gpus
from harness.values.finding import Finding

GIB = 1 << 30
NOTICEABLE_W = 1.0
"""Enforced limits are reported in mW and differ from the default by rounding."""


def findings(nvml: Any, problem: str) -> Iterator[Finding]:
    """Findings about every GPU; `nvml` is pynvml, initialised, or None with the problem in words."""
    gpus = all_gpus(nvml)
    if not gpus:
        yield Finding(
            "GPU",
            "missing",
            f"no NVIDIA GPU ({problem or 'the driver lists none'}): timing and profiles are of the CPU",
            "run on a machine with an NVIDIA GPU and its driver; in a container, pass the GPU through (--gpus all)",
        )
    for index, found in enumerate(gpus):
        yield _identity(found, index)
        for check in (_processes, _power, _clocks, _persistence, _ecc, _mig):
            finding = check(found, index)
            if finding is not None:
                yield finding


def _identity(gpu: Gpu, index: int) -> Finding:
    memory = gpu.ask("MemoryInfo")
    size = f", {memory.total / GIB:.1f} GiB, {memory.used / GIB:.1f} in use" if memory else ""
    return Finding(f"GPU {index}", "ok", f"{gpu.ask('Name')}, {gpu.ask('UUID')}, driver {gpu.driver()}{size}")


def _processes(gpu: Gpu, index: int) -> Finding | None:
    name = f"GPU {index} others"
    running = gpu.ask("ComputeRunningProcesses")
    if running is None:
        return None
    others = [process for process in running if process.pid != os.getpid()]
    if not others:
        return Finding(name, "ok", "no other process computes on it")
    listed = ", ".join(f"pid {p.pid} ({(p.usedGpuMemory or 0) / GIB:.1f} GiB)" for p in others[:4])
    more = f" and {len(others) - 4} more" if len(others) > 4 else ""
    remedy = f"wait for them, or choose another GPU: CUDA_VISIBLE_DEVICES={index + 1}"
    return Finding(name, "warn", f"shared with {listed}{more}: their work is in every timing", remedy)


def _power(gpu: Gpu, index: int) -> Finding | None:
    limit = gpu.ask("EnforcedPowerLimit")
    default = gpu.ask("PowerManagementDefaultLimit")
    if limit is None or default is None:
        return None
    text = f"limit {limit / 1000:.0f} W, default {default / 1000:.0f} W"
    if limit / 1000 >= default / 1000 - NOTICEABLE_W:
        return Finding(f"GPU {index} power", "ok", text)
    remedy = f"sudo nvidia-smi -i {index} -pl {default / 1000:.0f}, or compare only with runs under the same cap"
    return Finding(f"GPU {index} power", "warn", f"{text}: capped, sustained work clocks lower", remedy)


def _clocks(gpu: Gpu, index: int) -> Finding | None:
    pairs = []
    for kind, label in ((gpu.nvml.NVML_CLOCK_SM, "SM"), (gpu.nvml.NVML_CLOCK_MEM, "memory")):
        now, most = gpu.ask("ClockInfo", kind), gpu.ask("MaxClockInfo", kind)
        if now is not None and most is not None:
            pairs.append(f"{label} {now:,} of {most:,} MHz")
    if not pairs:
        return None
    reasons = gpu.throttle_reasons()
    text = f"{', '.join(pairs)}, {'held back by ' + ', '.join(reasons) if reasons else 'not throttled'}"
    if not reasons:
        return Finding(f"GPU {index} clocks", "ok", text)
    return Finding(
        f"GPU {index} clocks", "warn", text, f"let it cool and idle; then see nvidia-smi -i {index} -q -d PERFORMANCE"
    )


def _persistence(gpu: Gpu, index: int) -> Finding | None:
    mode = gpu.ask("PersistenceMode")
    if mode is None:
        return None
    if mode:
        return Finding(f"GPU {index} persistence", "ok", "on")
    return Finding(
        f"GPU {index} persistence",
        "warn",
        "off: the driver unloads between processes, so that each starts slowly and on settings of its own",
        f"sudo nvidia-smi -i {index} -pm 1",
    )


def _ecc(gpu: Gpu, index: int) -> Finding | None:
    modes = gpu.ask("EccMode")
    if modes is None:
        return None
    return Finding(
        f"GPU {index} ECC", "ok", "on" if modes[0] else "off: compare only with runs on which it was off too"
    )


def _mig(gpu: Gpu, index: int) -> Finding | None:
    modes = gpu.ask("MigMode")
    if modes is None or not modes[0]:
        return None
    text = "split by MIG: a timing is of a slice, and the slices share power and heat"
    return Finding(f"GPU {index} MIG", "warn", text, "measure on a GPU that is not split, or compare only equal slices")
