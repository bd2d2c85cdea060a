"""Timing and memory of a long stretch of work: events on a GPU, wall clock on a CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch


class Clock:
    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"

    def time_us(self, run: Callable[[], Any]) -> float:
        """Microseconds from the first to the last piece of work on the device, host time between launches included."""
        if not self._cuda:
            start_s = time.perf_counter()
            run()
            return (time.perf_counter() - start_s) * 1e6
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        start.record()
        run()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e3

    def allocated_bytes(self) -> int:
        return torch.cuda.memory_allocated() if self._cuda else 0

    def peak_bytes(self) -> int:
        """Most bytes allocated at once since the last timing began."""
        return torch.cuda.max_memory_allocated() if self._cuda else 0
