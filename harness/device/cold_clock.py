"""Time between two events on a GPU whose cache was filled with something else just before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

COLD_FACTOR = 5
"""Bytes touched between two uses of the same weights, in units of the L2."""
SLACK_CYCLES = 600_000
"""The GPU waits 0.3 ms before each sample, so that the graph is there when the flush ends, also where the launching
thread has to wait for a core: with 16 compilers beside it, up to 90 us of waiting were in a sample."""


class ColdClock:
    """l2_bytes: size of the cache; `flush_bytes` are read before each sample."""

    def __init__(self, l2_bytes: int) -> None:
        self.flush_bytes = COLD_FACTOR * l2_bytes
        self._flush = torch.ones(self.flush_bytes // 4, dtype=torch.float32, device="cuda")
        self._start = torch.cuda.Event(enable_timing=True)
        self._end = torch.cuda.Event(enable_timing=True)

    def time_us(self, launch: Callable[[], Any]) -> float:
        """Of what `launch` puts on the GPU; waits until it is done."""
        torch.cuda._sleep(SLACK_CYCLES)
        self._flush.sum()
        self._start.record()
        launch()
        self._end.record()
        self._end.synchronize()
        return self._start.elapsed_time(self._end) * 1e3
