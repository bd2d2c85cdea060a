"""How a decode step is executed: launched op by op, or replayed as one CUDA graph."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor


class Step:
    """One decode step over preallocated buffers, so that it can be captured: reads the token at the cursor from
    `stream`, writes the greedy choice behind it into `chosen`, advances.

    stream, chosen: [batch, steps + 1] int64. counter: [2] int64, cursor and position. With `greedy` the choice goes
    into `stream` itself: the model continues its own text.
    """

    def __init__(self, decoder: Any, stream: Tensor, start: int, greedy: bool = False) -> None:
        self.decoder = decoder
        self.stream = stream
        self.start = start
        self.chosen = stream if greedy else torch.empty_like(stream)
        self.counter = torch.tensor([0, start], dtype=torch.int64, device=stream.device)
        self.logits: Tensor | None = None

    def rewind(self, snapshot: dict[str, Tensor]) -> None:
        """Back to the end of the prompt."""
        self.decoder.restore(snapshot)
        self.counter.copy_(torch.tensor([0, self.start], dtype=torch.int64))

    def __call__(self) -> Tensor:
        cursor, position = self.counter[:1], self.counter[1:]
        tokens = self.stream.index_select(1, cursor).squeeze(1)
        logits: Tensor = self.decoder.decode(tokens, position)
        choice = self.decoder.sample(logits)
        self.counter += 1
        self.chosen.index_copy_(1, self.counter[:1], choice.unsqueeze(1))
        self.logits = logits
        return logits


class Engine(Protocol):
    """capture_s: time that making the step ready took. extra_bytes: memory that the engine holds beyond the step's
    own."""

    capture_s: float
    extra_bytes: int

    def run(self) -> Tensor:
        """Executes one step and returns its logits [batch, vocab]; the next call may overwrite them."""
        ...


class EagerEngine:
    capture_s = 0.0
    extra_bytes = 0

    def __init__(self, step: Step) -> None:
        self._step = step

    def run(self) -> Tensor:
        return self._step()


class CudaGraphEngine:
    """The step as one CUDA graph. It is captured after two warm-up steps; the caller rewinds afterwards."""

    def __init__(self, step: Step) -> None:
        start = time.perf_counter()
        warm_up_stream = torch.cuda.Stream()
        warm_up_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(warm_up_stream):
            for _ in range(2):
                step()
        torch.cuda.current_stream().wait_stream(warm_up_stream)
        torch.cuda.synchronize()
        before = torch.cuda.memory_reserved()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._logits = step()
        torch.cuda.synchronize()
        self.extra_bytes = max(0, torch.cuda.memory_reserved() - before)
        self.capture_s = time.perf_counter() - start

    def run(self) -> Tensor:
        self._graph.replay()
        return self._logits


ENGINES: dict[str, Callable[[Step], Engine]] = {"eager": EagerEngine, "cuda_graph": CudaGraphEngine}


def make_engine(name: str, step: Step) -> Engine:
    """The engine by its name in a suite."""
    return ENGINES[name](step)
