"""GPU timing without a graph: calls launched one by one between two events, for kernels that cannot be captured.

Launches are in the time wherever a kernel is shorter than its launch: do not compare these samples with those of
`cuda_graph`. Operands are as cold: the same flush goes before each sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.device.cold_clock import ColdClock
from harness.device.device import Device
from harness.device.timer import Before, Call, Timed, TimerUnavailable
from harness.device.timers.cuda_graph import CALLS_PER_GRAPH, GRAPH_LIMIT_US


def make(device: Device) -> EventTimer:
    """The timer on any GPU. Raises TimerUnavailable without a GPU."""
    if not device.gpu:
        raise TimerUnavailable("timer events needs a GPU")
    return EventTimer(device.l2_bytes)


class EventTimer:
    """`l2_bytes`: size of the cache that each sample flushes first."""

    name = "events"
    rounds = 20
    samples_per_round = 3
    calls = CALLS_PER_GRAPH
    batch_limit_us = GRAPH_LIMIT_US

    def __init__(self, l2_bytes: int) -> None:
        self._clock = ColdClock(l2_bytes)
        self.flush_bytes = self._clock.flush_bytes

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        """Prepare the calls, after `warm` of them and one whole sample."""
        timed = _EventTimed(list(calls), self._clock)
        for call in calls[:warm]:
            call()
        timed.sample_us()
        return timed


class _EventTimed:
    def __init__(self, calls: list[Call], clock: ColdClock) -> None:
        self.calls = len(calls)
        self.outputs: list[Any] = []
        self._calls, self._clock = calls, clock

    def _launch(self) -> None:
        self.outputs = [call() for call in self._calls]

    def sample_us(self, before: Before = None) -> float:
        return self._clock.time_us(self._launch, before) / self.calls

    def stretch_us(self, passes: int, before: Callable[[], None]) -> float:
        def launch() -> None:
            for _ in range(passes):
                before()
                self._launch()

        return self._clock.time_us(launch)

    def replay(self) -> Sequence[Any]:
        self._launch()
        torch.cuda.synchronize()
        return self.outputs

    def repeat(self, times: int) -> None:
        for _ in range(times):
            self._launch()
        torch.cuda.synchronize()
