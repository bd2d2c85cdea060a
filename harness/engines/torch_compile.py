"""The whole step as one graph of torch.compile.

On a GPU the compiled step is replayed as a CUDA graph, so that it differs from `cuda_graph` in its kernels and not in
how they are launched. Compiling is a part of `capture_s`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from harness.values.engine import EngineFacts

if TYPE_CHECKING:
    from torch import Tensor

    from harness.decode.step import Step
    from harness.device.device import Device

FACTS = EngineFacts(captures=True, compiles=True, fuses=True)


def make(step: Step, device: Device) -> TorchCompileEngine:
    """Make the engine. Raises the error of torch.compile where the step is no full graph: nothing falls back to eager
    parts.
    """
    return TorchCompileEngine(step, device)


class TorchCompileEngine:
    """Runs the compiled step, or replays it where the device captures."""

    def __init__(self, step: Step, device: Device) -> None:
        import torch

        from harness.device.replayed import Replayed

        start = time.perf_counter()
        compiled: Callable[[], Tensor] = torch.compile(_alone(step), fullgraph=True, dynamic=False)
        self._step = Replayed(compiled, device, device.captures)
        self.extra_bytes = self._step.extra_bytes
        self.capture_s = time.perf_counter() - start

    def run(self) -> Tensor:
        """One step."""
        return self._step()


_number = itertools.count()


def _alone(step: Step) -> Callable[[], Tensor]:
    """The step under a code object of its own.

    torch keys compiled code by code object. Otherwise the steps of several arms would share one entry, each call would
    try the guards of all, and after the eighth torch would give up.
    """
    call = type(step).__call__
    code = call.__code__.replace(co_name=f"decode_step_{next(_number)}")
    function: Callable[[], Tensor] = MethodType(FunctionType(code, call.__globals__), step)
    return function
