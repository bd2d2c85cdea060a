"""Measured read bandwidth: what `% of read` and every floor are relative to."""

from __future__ import annotations

import statistics
import time

import torch

GPU_BYTES = 4 << 30
CPU_BYTES = 256 << 20


def read_gb_s(device: str) -> float:
    """Reads a buffer much larger than any cache, once per sample, and returns the best rate in 1e9 bytes/s.

    The best of several, because a bound is what the memory can do. On a CPU with torch's current number of threads.
    """
    if device == "cuda":
        return _read_cuda_gb_s()
    buffer = torch.ones(CPU_BYTES // 4, dtype=torch.float32)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        buffer.sum()
        seconds.append(time.perf_counter() - start)
    return CPU_BYTES / min(seconds) / 1e9


def _read_cuda_gb_s() -> float:
    count = min(GPU_BYTES, torch.cuda.mem_get_info()[0] // 4) // 4
    buffer = torch.ones(count, dtype=torch.float32, device="cuda")
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    milliseconds = []
    for _ in range(8):
        start.record()
        buffer.sum()
        end.record()
        end.synchronize()
        milliseconds.append(start.elapsed_time(end))
    return count * 4 / statistics.median(sorted(milliseconds)[:4]) / 1e6
