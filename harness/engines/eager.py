"""The step as Python launches it, op by op."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.values.engine import EngineFacts

if TYPE_CHECKING:
    from torch import Tensor

    from harness.decode.step import Step
    from harness.device.device import Device

FACTS = EngineFacts(op_by_op=True)


def make(step: Step, device: Device) -> EagerEngine:
    """Make the engine, which is ready at once."""
    return EagerEngine(step)


class EagerEngine:
    """Calls the step."""

    capture_s = 0.0
    extra_bytes = 0

    def __init__(self, step: Step) -> None:
        self._step = step

    def run(self) -> Tensor:
        """One step."""
        return self._step()
