"""The GPUs as NVML sees them: what they are, and what would disturb or bend a timing on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from harness.doctor.finding import Finding
from harness.measure.conditions import reason_names

GIB = 1 << 30
NOTICEABLE_W = 1.0
"""Enforced limits are reported in mW and differ from the default by rounding."""


def findings(nvml: Any, problem: str) -> Iterator[Finding]:
    """Of every GPU; `nvml` is pynvml, initialised, or None with the problem in words."""
    count = nvml.nvmlDeviceGetCount() if nvml is not None else 0
    if count == 0:
        yield Finding(
            "GPU",
            "missing",
            f"no NVIDIA GPU ({problem or 'the driver lists none'}): timing and profiles are of the CPU",
            "run on a machine with an NVIDIA GPU and its driver; in a container, pass the GPU through (--gpus all)",
        )
    for index in range(count):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        yield _identity(nvml, handle, index)
        for check in (_processes, _power, _clocks, _persistence, _ecc, _mig):
            found = check(nvml, handle, index)
            if found is not None:
                yield found


def _ask(nvml: Any, question: Callable[..., Any], *arguments: Any) -> Any:
    """NVML's answer, or None where this GPU or this user gets none."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _identity(nvml: Any, handle: Any, index: int) -> Finding:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    name, uuid = _text(nvml.nvmlDeviceGetName(handle)), _text(nvml.nvmlDeviceGetUUID(handle))
    driver = _text(nvml.nvmlSystemGetDriverVersion())
    size = f"{memory.total / GIB:.1f} GiB, {memory.used / GIB:.1f} in use"
    return Finding(f"GPU {index}", "ok", f"{name}, {uuid}, driver {driver}, {size}")


def _processes(nvml: Any, handle: Any, index: int) -> Finding | None:
    name = f"GPU {index} others"
    running = _ask(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if running is None:
        return None
    others = [process for process in running if process.pid != os.getpid()]
    if not others:
        return Finding(name, "ok", "no other process computes on it")
    listed = ", ".join(f"pid {p.pid} ({(p.usedGpuMemory or 0) / GIB:.1f} GiB)" for p in others[:4])
    more = f" and {len(others) - 4} more" if len(others) > 4 else ""
    remedy = f"wait for them, or choose another GPU: CUDA_VISIBLE_DEVICES={index + 1}"
    return Finding(name, "warn", f"shared with {listed}{more}: their work is in every timing", remedy)


def _power(nvml: Any, handle: Any, index: int) -> Finding | None:
    limit = _ask(nvml, nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    default = _ask(nvml, nvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)
    if limit is None or default is None:
        return None
    text = f"limit {limit / 1000:.0f} W, default {default / 1000:.0f} W"
    if limit / 1000 >= default / 1000 - NOTICEABLE_W:
        return Finding(f"GPU {index} power", "ok", text)
    remedy = f"sudo nvidia-smi -i {index} -pl {default / 1000:.0f}, or compare only with runs under the same cap"
    return Finding(f"GPU {index} power", "warn", f"{text}: capped, sustained work clocks lower", remedy)


def _clocks(nvml: Any, handle: Any, index: int) -> Finding | None:
    pairs = []
    for kind, label in ((nvml.NVML_CLOCK_SM, "SM"), (nvml.NVML_CLOCK_MEM, "memory")):
        now, most = (
            _ask(nvml, ask, handle, kind) for ask in (nvml.nvmlDeviceGetClockInfo, nvml.nvmlDeviceGetMaxClockInfo)
        )
        if now is not None and most is not None:
            pairs.append(f"{label} {now:,} of {most:,} MHz")
    if not pairs:
        return None
    reasons = reason_names(_ask(nvml, nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0)
    text = f"{', '.join(pairs)}, {'held back by ' + ', '.join(reasons) if reasons else 'not throttled'}"
    if not reasons:
        return Finding(f"GPU {index} clocks", "ok", text)
    return Finding(
        f"GPU {index} clocks", "warn", text, f"let it cool and idle; then see nvidia-smi -i {index} -q -d PERFORMANCE"
    )


def _persistence(nvml: Any, handle: Any, index: int) -> Finding | None:
    mode = _ask(nvml, nvml.nvmlDeviceGetPersistenceMode, handle)
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


def _ecc(nvml: Any, handle: Any, index: int) -> Finding | None:
    modes = _ask(nvml, nvml.nvmlDeviceGetEccMode, handle)
    if modes is None:
        return None
    return Finding(
        f"GPU {index} ECC", "ok", "on" if modes[0] else "off: compare only with runs on which it was off too"
    )


def _mig(nvml: Any, handle: Any, index: int) -> Finding | None:
    modes = _ask(nvml, nvml.nvmlDeviceGetMigMode, handle)
    if modes is None or not modes[0]:
        return None
    text = "split by MIG: a timing is of a slice, and the slices share power and heat"
    return Finding(f"GPU {index} MIG", "warn", text, "measure on a GPU that is not split, or compare only equal slices")
