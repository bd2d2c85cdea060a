"""The step exported, compiled ahead of time by AOTInductor, and loaded over the arm's own states and weights.

On a GPU the package's step is replayed as a CUDA graph, so that it differs from `cuda_graph` and `torch_compile` in its
kernels and not in how they are launched. `aot_inductor_calls` calls it instead.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.values.engine import EngineFacts

if TYPE_CHECKING:
    from torch import Tensor

    from harness.decode.step import Step
    from harness.device.device import Device

FACTS = EngineFacts(captures=True, compiles=True, fuses=True, packages=True)


def make(step: Step, device: Device) -> AotInductorEngine:
    """Make the engine. Raises CaseFailed where the step cannot be exported, compiled or loaded."""
    return AotInductorEngine(step, device, replays=device.captures)


class AotInductorEngine:
    """Runs the loaded package, or replays it. `package`: the facts known about it."""

    def __init__(self, step: Step, device: Device, replays: bool) -> None:
        from harness.device.replayed import Replayed
        from harness.export.package import PackagedStep

        start = time.perf_counter()
        packaged = PackagedStep(step, device)
        self.package = packaged.record
        self._step = Replayed(packaged, device, replays)
        self.extra_bytes = self._step.extra_bytes
        self.capture_s = time.perf_counter() - start

    def run(self) -> Tensor:
        """One step."""
        return self._step()
