"""How a decode step is executed: launched op by op, replayed as one CUDA graph, or compiled as a whole before that."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Protocol

import torch
from torch import Tensor

from harness.errors import CaseFailed
from harness.measure.cuda_graphs import record, warm_up


class Step:
    """One decode step over preallocated buffers, so that it can be captured: reads the token at the cursor from
    `stream`, writes the greedy choice behind it into `chosen`, advances.

    stream, chosen: [batch, steps + 1] int64. counter: [2] int64, cursor and position.
    """

    def __init__(self, decoder: Any, stream: Tensor, start: int) -> None:
        self.decoder = decoder
        self.stream = stream
        self.start = start
        self.chosen = torch.zeros_like(stream)
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
        if step.stream.device.type != "cuda":
            raise CaseFailed("CUDA graphs need a GPU")
        start = time.perf_counter()
        self._graph, self._logits, self.extra_bytes = _captured(step)
        self.capture_s = time.perf_counter() - start

    def run(self) -> Tensor:
        self._graph.replay()
        return self._logits


class TorchCompileEngine:
    """The whole step as one graph of torch.compile. On a GPU what it made is replayed as a CUDA graph, so that it
    differs from `cuda_graph` in its kernels and not in who launches them. Compiling is a part of `capture_s`.

    Raises what torch.compile raises where the step is no full graph: there is no falling back to eager parts.
    """

    extra_bytes = 0

    def __init__(self, step: Step) -> None:
        start = time.perf_counter()
        self._run: Callable[[], Tensor] = torch.compile(_alone(step), fullgraph=True, dynamic=False)
        self._graph: torch.cuda.CUDAGraph | None = None
        if step.stream.device.type == "cuda":
            self._graph, self._logits, self.extra_bytes = _captured(self._run)
        else:
            self._run()
        self.capture_s = time.perf_counter() - start

    def run(self) -> Tensor:
        if self._graph is None:
            return self._run()
        self._graph.replay()
        return self._logits


def _captured(run: Callable[[], Tensor]) -> tuple[torch.cuda.CUDAGraph, Tensor, int]:
    """(graph, the logits that it writes, bytes that it holds) of a step, after two warm-up steps."""
    warm_up([run, run])
    before = torch.cuda.memory_reserved()
    graph, logits = record([run])
    torch.cuda.synchronize()
    return graph, logits, max(0, torch.cuda.memory_reserved() - before)


_number = itertools.count()


def _alone(step: Step) -> Callable[[], Tensor]:
    """The step under a code object of its own. What is compiled is kept by code object: the steps of several arms
    would share one entry, each call would try the guards of all, and behind the eighth torch would give up."""
    code = Step.__call__.__code__.replace(co_name=f"decode_step_{next(_number)}")
    function: Callable[[], Tensor] = MethodType(FunctionType(code, globals()), step)
    return function


ENGINES: dict[str, Callable[[Step], Engine]] = {
    "eager": EagerEngine,
    "cuda_graph": CudaGraphEngine,
    "torch_compile": TorchCompileEngine,
}


def make_engine(name: str, step: Step) -> Engine:
    """The engine by its name in a suite."""
    return ENGINES[name](step)
