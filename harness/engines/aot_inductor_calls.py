"""AOTInductor's package as a program calls it: its wrapper launches kernel by kernel.

On a CPU it is the same as `aot_inductor`; on a GPU it has no CUDA graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.values.engine import EngineFacts

if TYPE_CHECKING:
    from harness.decode.step import Step
    from harness.device.device import Device
    from harness.engines.aot_inductor import AotInductorEngine

FACTS = EngineFacts(compiles=True, fuses=True, packages=True)


def make(step: Step, device: Device) -> AotInductorEngine:
    """Make the engine. Raises CaseFailed where the step cannot be exported, compiled or loaded."""
    from harness.engines.aot_inductor import AotInductorEngine

    return AotInductorEngine(step, device, replays=False)
