"""torch, Triton and the profiler: the parts of a suite that they can run, compile and trace here."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.device.ptxas import ptxas_release
from harness.values.finding import Finding

DEFAULT_CAPABILITY = 90
"""Its ptxas is that of every GPU before Blackwell."""
DRIVER_PARAMETERS = Path("/proc/driver/nvidia/params")


def findings(has_gpu: bool) -> Iterator[Finding]:
    """Imports torch, but opens no context on a GPU before `bandwidth` does."""
    try:
        import torch
    except ImportError as error:
        yield Finding("torch", "missing", f"cannot be imported: {error}", "pip install 'torch>=2.9'")
        return
    from harness.device.choice import gpu_is_usable

    usable = gpu_is_usable()
    built_for = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU alone"
    text = f"{torch.__version__}, built for {built_for}, Python {platform.python_version()}"
    if has_gpu and not usable:
        yield Finding("torch", "missing", f"{text}: cannot use the GPU", "install a torch built for this driver's CUDA")
    else:
        yield Finding("torch", "ok", text)
    yield _triton(usable)
    yield _profiler("CUDA" in {activity.name for activity in torch.profiler.supported_activities()}, usable)
    if usable:
        yield from _counters(DRIVER_PARAMETERS, is_admin=os.geteuid() == 0)


def bandwidth() -> Finding:
    """Measure the read bandwidth, because every `% of read` and every floor is relative to it."""
    try:
        import torch

        from harness.device.choice import open_device

        device = open_device()
    except ImportError as error:
        return Finding("read bandwidth", "missing", f"not measured: {error}", "pip install 'torch>=2.9'")
    where = "GPU 0" if device.gpu else f"the CPU, {torch.get_num_threads()} threads"
    try:
        return Finding("read bandwidth", "ok", f"{device.read_gb_s():,.1f} GB/s measured on {where}")
    except RuntimeError as error:  # torch's word for out of memory and for every failure of CUDA
        reason = str(error).splitlines()[0]
        return Finding(
            "read bandwidth", "missing", f"not measured on {where}: {reason}", "free memory on it and run this again"
        )


def _triton(gpu: bool) -> Finding:
    try:
        text = version("triton")
    except PackageNotFoundError:
        return Finding(
            "Triton", "missing", "not installed: Triton variants cannot run", "pip install 'triton>=3.6' (Linux)"
        )
    compiler = ptxas_release(DEFAULT_CAPABILITY)
    text += f", ptxas {compiler}" if compiler else ", without ptxas"
    return Finding(
        "Triton", "ok", text if gpu else f"{text}: compiles; without a GPU its variants run interpreted, never timed"
    )


def _profiler(traces_gpu: bool, gpu: bool) -> Finding:
    if traces_gpu or not gpu:
        return Finding("profiler", "ok", "traces kernels and their launches" if gpu else "traces operators of the CPU")
    text = "this torch traces no kernels (built without CUPTI): no breakdown by category"
    return Finding("profiler", "missing", text, "install torch's own wheel for CUDA, which has CUPTI")


def _counters(parameters: Path, is_admin: bool) -> Iterator[Finding]:
    """parameters: load parameters of the NVIDIA kernel module. Traces need no permission; hardware counters may."""
    try:
        lines = parameters.read_text().splitlines()
    except OSError:
        return
    values = dict(line.split(": ", 1) for line in lines if ": " in line)
    if values.get("RmProfilingAdminOnly", "0") == "0" or is_admin:
        yield Finding("hardware counters", "ok", "may be read (Nsight Compute)")
    else:
        remedy = "an administrator loads the nvidia module with NVreg_RestrictProfilingToAdminUsers=0"
        yield Finding("hardware counters", "warn", "for administrators alone: Nsight Compute will refuse", remedy)
