"""Captures calls as one CUDA graph, always in a process that has made another graph before.

A process that has made one graph and used one stream for its warm-up launches the kernels of that graph 0.4 us faster
after each other than later. A second graph or a second stream, either of the two, ends that for good. On an H100
(driver 580), a product took 13.7 us before and 14.4 us ever after. A decode step has several graphs, and a case must
not be faster for being measured first and alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness.device.timer import Call

_companion: list[Any] = []


def warm_up(calls: Sequence[Call]) -> None:
    """Run the calls on a stream of their own, as a capture requires."""
    if not _companion:
        _hold_companion()
    _run_aside(calls)


def record(calls: Sequence[Call]) -> tuple[torch.cuda.CUDAGraph, list[Any]]:
    """Return (graph of the calls one after the other, output of each call), after `warm_up`.

    A call that cannot be captured raises torch's RuntimeError.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = [call() for call in calls]
    return graph, results


class CudaGraph:
    """`calls` as one graph, after a separate run of `warm`."""

    def __init__(self, calls: Sequence[Call], warm: Sequence[Call]) -> None:
        warm_up(warm)
        before = torch.cuda.memory_reserved()
        self._graph, results = record(calls)
        self.outputs = results[-1]
        torch.cuda.synchronize()
        self.held_bytes = max(0, torch.cuda.memory_reserved() - before)

    def replay(self) -> None:
        self._graph.replay()


def _hold_companion() -> None:
    value = torch.zeros(1, device="cuda")
    calls = [lambda: value.add_(1)]
    _run_aside(calls)
    graph, _ = record(calls)
    graph.replay()
    _companion.extend((graph, value))


def _run_aside(calls: Sequence[Call]) -> None:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for call in calls:
            call()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
