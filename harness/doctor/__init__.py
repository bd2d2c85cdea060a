"""Checks of this machine, with one remedy for each problem. Reads only; never changes a setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.device.nvml import open_nvml
from harness.doctor import compilers, gpu, host, software
from harness.values.finding import Finding

__all__ = ["Finding", "examine"]


def examine(store: Path, measure_bandwidth: bool = True) -> Iterator[Finding]:
    """Yield every finding, GPUs first, each as soon as it is known.

    store: the folder of the runs, existing or not. The GPUs are read before torch opens a context on one, so that this
    process is not among those that use it.
    """
    gpus = list(gpu.findings(*open_nvml()))
    yield from gpus
    yield from host.findings(store)
    has_gpu = any(found.name == "GPU 0" for found in gpus)
    yield from software.findings(has_gpu)
    yield from compilers.findings(has_gpu)
    if measure_bandwidth:
        yield software.bandwidth()
