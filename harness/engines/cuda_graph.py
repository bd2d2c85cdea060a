"""The step as one CUDA graph, captured after two warm-up steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.errors import CaseFailed
from harness.values.engine import EngineFacts

if TYPE_CHECKING:
    from torch import Tensor

    from harness.decode.step import Step
    from harness.device.device import Device

NEEDS_GPU = "CUDA graphs need a GPU"
FACTS = EngineFacts(needs_gpu=NEEDS_GPU, captures=True)


def make(step: Step, device: Device) -> CudaGraphEngine:
    """Make the engine. Raises CaseFailed where the device captures no graphs."""
    if not device.captures:
        raise CaseFailed(NEEDS_GPU)
    return CudaGraphEngine(step, device)


class CudaGraphEngine:
    """Replays the captured step."""

    def __init__(self, step: Step, device: Device) -> None:
        start = time.perf_counter()
        self._graph = device.capture([step], warm=[step, step])
        self.capture_s = time.perf_counter() - start
        self.extra_bytes = self._graph.held_bytes

    def run(self) -> Tensor:
        """One replay."""
        self._graph.replay()
        logits: Tensor = self._graph.outputs
        return logits
