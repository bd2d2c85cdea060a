"""GPU timing: 20 to 50 calls in one CUDA graph between two events, after the cache was filled with something else.

A single call of 5 to 50 us cannot be timed by events (they tick coarsely) nor by launching it in a loop (the launch
costs more than the kernel). The calls of a graph use different weights, and a read of five times the L2 goes before
each replay, so that weights come from memory as in a real decode. What the graph adds, a launch gap of about 1 us
between dependent kernels, a real decode has too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness.measure.cuda_graphs import record, warm_up
from harness.measure.timer import Call, Timed

COLD_FACTOR = 5
"""Bytes touched between two uses of the same weights, in units of the L2."""
CALLS_PER_GRAPH = 32
"""32 x 8 experts are all 256 of the largest model: each expert is read once per replay."""

SLACK_CYCLES = 600_000
"""The GPU waits 0.3 ms before each sample, so that the graph is there when the flush ends, also where the launching
thread has to wait for a core: with 16 compilers beside it, up to 90 us of waiting were in a sample."""


class CudaGraphTimer:
    name = "cuda_graph"
    rounds = 20
    samples_per_round = 3

    def __init__(self, l2_bytes: int, warm_calls: int = 2, warm_replays: int = 2) -> None:
        """warm_calls: before the capture; warm_replays: after it. A sweep, whose calls were verified, asks for less."""
        self.warm_calls, self.warm_replays = warm_calls, warm_replays
        self.flush_bytes = COLD_FACTOR * l2_bytes
        self._flush = torch.ones(self.flush_bytes // 4, dtype=torch.float32, device="cuda")

    def prepare(self, calls: Sequence[Call]) -> Timed:
        """Warms up and captures the calls. A call that cannot be captured raises torch's RuntimeError."""
        return _CudaTimed(list(calls), self._flush, self.warm_calls, self.warm_replays)


class _CudaTimed:
    def __init__(self, calls: list[Call], flush: torch.Tensor, warm_calls: int, warm_replays: int) -> None:
        self.calls = len(calls)
        self._held = calls  # the graph holds addresses only: without the operands, it would read what comes after them
        self._flush = flush
        self._start = torch.cuda.Event(enable_timing=True)
        self._end = torch.cuda.Event(enable_timing=True)
        warm_up(calls[:warm_calls])
        self.outputs: Any
        self._graph, self.outputs = record(calls)
        for _ in range(warm_replays):
            self._graph.replay()
        torch.cuda.synchronize()

    def sample_us(self) -> float:
        torch.cuda._sleep(SLACK_CYCLES)
        self._flush.sum()
        self._start.record()
        self._graph.replay()
        self._end.record()
        self._end.synchronize()
        return self._start.elapsed_time(self._end) * 1e3 / self.calls
