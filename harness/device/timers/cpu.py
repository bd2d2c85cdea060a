"""Wall-clock timing on the CPU: many calls between two readings of the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from harness.device.device import Device
from harness.device.timer import Call, Timed, TimerUnavailable

MIN_SAMPLE_S = 0.01
"""One reading covers at least this long: 1,000 times the jitter of a loaded machine's clock reads (about 10 us)."""
MAX_REPEATS = 2000
CALLS = 16
"""Operand sets per sample."""


def make(device: Device) -> CpuTimer:
    if device.gpu:
        raise TimerUnavailable("timer cpu times calls that have ended when they return: kernels on a GPU have not")
    return CpuTimer()


class CpuTimer:
    name = "cpu"
    rounds = 8
    samples_per_round = 2
    calls = CALLS
    flush_bytes = 0
    batch_limit_us = math.inf

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        """warm is not used: two runs warm up and say how many fill a sample."""
        return _CpuTimed(list(calls))


class _CpuTimed:
    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls
        self.outputs: Any = None
        self._repeats = 1
        self._run()
        once_s = self._run()
        self._repeats = max(1, min(MAX_REPEATS, round(MIN_SAMPLE_S / max(once_s, 1e-9))))
        self.calls = len(calls) * self._repeats

    def _run(self) -> float:
        calls = self._calls
        start = time.perf_counter()
        for _ in range(self._repeats):
            for call in calls:
                outputs = call()
        elapsed_s = time.perf_counter() - start
        self.outputs = outputs
        return elapsed_s

    def sample_us(self) -> float:
        return self._run() * 1e6 / self.calls
