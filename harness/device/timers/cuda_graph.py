"""GPU timing: 20 to 50 calls in one CUDA graph between two events, after a flush of the cache.

A single call of 5 to 50 us cannot be timed by events (they tick coarsely) nor by launching it in a loop (the launch
costs more than the kernel). The calls of a graph use different weights, and a read of five times the L2 goes before
each replay, so that weights come from memory as in a real decode. The graph adds a launch gap of about 1 us between
dependent kernels, which a real decode has too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.device.cold_clock import ColdClock
from harness.device.cuda_graphs import record, warm_up
from harness.device.device import Device
from harness.device.timer import Before, Call, Timed, TimerUnavailable

CALLS_PER_GRAPH = 32
"""32 x 8 experts are all 256 of the largest model: each expert is read once per replay."""
GRAPH_LIMIT_US = 4000.0
"""A sweep's graph of slow calls holds fewer of them: 4 ms is 2,000 ticks of the event clock."""


def make(device: Device) -> CudaGraphTimer:
    """The default timer on a GPU. Raises TimerUnavailable without a GPU."""
    if not device.gpu:
        raise TimerUnavailable("timer cuda_graph needs a GPU")
    return CudaGraphTimer(device.l2_bytes)


class CudaGraphTimer:
    """`l2_bytes`: size of the cache that each sample flushes first."""

    name = "cuda_graph"
    rounds = 20
    samples_per_round = 3
    calls = CALLS_PER_GRAPH
    batch_limit_us = GRAPH_LIMIT_US

    def __init__(self, l2_bytes: int) -> None:
        self._clock = ColdClock(l2_bytes)
        self.flush_bytes = self._clock.flush_bytes

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        """Warm up and capture the calls."""
        return _GraphTimed(list(calls), self._clock, warm)


class _GraphTimed:
    def __init__(self, calls: list[Call], clock: ColdClock, warm: int) -> None:
        self.calls = len(calls)
        self._held = calls  # the graph holds addresses only: without the operands, it would read what comes after them
        self._clock = clock
        warm_up(calls[:warm])
        self._graph, self.outputs = record(calls)
        for _ in range(warm):
            self._graph.replay()
        torch.cuda.synchronize()

    def sample_us(self, before: Before = None) -> float:
        return self._clock.time_us(self._graph.replay, before) / self.calls

    def stretch_us(self, passes: int, before: Callable[[], None]) -> float:
        def launch() -> None:
            for _ in range(passes):
                before()
                self._graph.replay()

        return self._clock.time_us(launch)

    def replay(self) -> Sequence[Any]:
        self._graph.replay()
        torch.cuda.synchronize()
        return self.outputs

    def repeat(self, times: int) -> None:
        for _ in range(times):
            self._graph.replay()
        torch.cuda.synchronize()
