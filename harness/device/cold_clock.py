"""Time between two GPU events, after a flush has filled the cache with other data."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from harness.device.timer import Before, WorkLeftRunning

COLD_FACTOR = 5
"""Bytes touched between two uses of the same weights, in units of the L2."""
SLACK_CYCLES = 600_000
"""The GPU waits 0.3 ms before each sample, so that the graph is queued when the flush ends.

This also holds where the launching thread has to wait for a core: with 16 compilers beside it, samples contained up to
90 us of waiting.
"""


IDLE_US = 200.0
"""Finding an idle device idle takes some 5 us; a thread that loses its core in between waits longer."""
MOST_LATE = 3
"""Consecutive late samples that a lost core cannot explain: beside an H200 one in some thousand was late, by 256 us."""
_perf_counter, _synchronize, _elapsed_time = time.perf_counter, torch.cuda.synchronize, torch.cuda.Event.elapsed_time
"""The functions as they were before any kernel was imported."""


class ColdClock:
    """`l2_bytes`: size of the cache. `flush_bytes` are read before each sample."""

    def __init__(self, l2_bytes: int) -> None:
        self.flush_bytes = COLD_FACTOR * l2_bytes
        self._flush = torch.ones(self.flush_bytes // 4, dtype=torch.float32, device="cuda")
        self._start = torch.cuda.Event(enable_timing=True)
        self._end = torch.cuda.Event(enable_timing=True)
        self._late = 0

    def time_us(self, launch: Callable[[], Any], before: Before = None) -> float:
        """Microseconds that the GPU spends on the work of `launch`; waits until it is done. `before`: called first,
        untimed. Raises WorkLeftRunning where other streams still work afterwards."""
        if before is not None:
            before()
        torch.cuda._sleep(SLACK_CYCLES)
        self._flush.sum()
        self._start.record()
        launch()
        self._end.record()
        self._end.synchronize()
        waiting = _perf_counter()
        _synchronize()
        left_us = (_perf_counter() - waiting) * 1e6
        self._late = self._late + 1 if left_us > IDLE_US else 0
        if self._late == MOST_LATE:
            raise WorkLeftRunning(f"the GPU worked {left_us:,.0f} us longer on another stream than it was timed")
        return _elapsed_time(self._start, self._end) * 1e3
