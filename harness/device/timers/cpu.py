"""Wall-clock timing on the CPU: many calls between two readings of the clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import perf_counter  # as it was before any kernel was imported
from typing import Any

from harness.device.device import Device
from harness.device.timer import Before, Call, Timed, TimerUnavailable

MIN_SAMPLE_S = 0.01
"""One reading covers at least this long: 1,000 times the jitter of a loaded machine's clock reads (about 10 us)."""
MAX_REPEATS = 2000
CALLS = 16
"""Operand sets per sample."""


def make(device: Device) -> CpuTimer:
    """Return the timer of a CPU. Raises TimerUnavailable on a GPU."""
    if device.gpu:
        raise TimerUnavailable("timer cpu cannot time a GPU, whose kernels run on after the call returns")
    return CpuTimer()


class CpuTimer:
    name = "cpu"
    rounds = 8
    samples_per_round = 2
    calls = CALLS
    flush_bytes = 0
    batch_limit_us = math.inf

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        """Prepare the calls. `warm` is not used: two runs warm up and determine how many runs fill a sample."""
        return _CpuTimed(list(calls))


class _CpuTimed:
    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls
        self.outputs: list[Any] = []
        self._repeats = 1
        self._pass_s()
        once_s = self._pass_s()
        self._repeats = max(1, min(MAX_REPEATS, round(MIN_SAMPLE_S / max(once_s, 1e-9))))
        self.calls = len(calls) * self._repeats

    def _pass_s(self) -> float:
        calls = self._calls
        start = perf_counter()
        outputs = [call() for call in calls]
        elapsed_s = perf_counter() - start
        self.outputs = outputs
        return elapsed_s

    def sample_us(self, before: Before = None) -> float:
        elapsed_s = 0.0
        for _ in range(self._repeats):
            if before is not None:
                before()
            elapsed_s += self._pass_s()
        return elapsed_s * 1e6 / self.calls

    def stretch_us(self, passes: int, before: Callable[[], None]) -> float:
        start = perf_counter()
        for _ in range(passes):
            before()
            self.outputs = [call() for call in self._calls]
        return (perf_counter() - start) * 1e6

    def replay(self) -> Sequence[Any]:
        self._pass_s()
        return self.outputs

    def repeat(self, times: int) -> None:
        for _ in range(times):
            self._pass_s()
