"""The step as an ExecuTorch program, run in this process by its Python runtime.

It uses XNNPACK and portable kernels on a CPU. The wheels of PyPI have no runtime for a GPU.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CaseFailed
from harness.values.engine import EngineFacts

if TYPE_CHECKING:
    from torch import Tensor

    from harness.decode.step import Step
    from harness.device.device import Device

FACTS = EngineFacts(compiles=True, fuses=True, traces_itself=True)
NEEDS_CPU = "the runtime of ExecuTorch that Python has runs on a CPU; `executorch: {runner: ...}` drives one for a GPU"


def make(step: Step, device: Device) -> ExecutorchEngine:
    """Make the engine. Raises CaseFailed on a GPU, without the package, and where the step cannot be exported, lowered
    or run.
    """
    if device.gpu:
        raise CaseFailed(NEEDS_CPU)
    return ExecutorchEngine(step)


class ExecutorchEngine:
    """Runs the loaded program. `extra_bytes`: size of the program, which holds the weights a second time."""

    def __init__(self, step: Step) -> None:
        from harness.export.pte import ExecutorchStep, make_program
        from harness.scratch import Scratch

        start = time.perf_counter()
        with Scratch("program") as scratch:
            file, record = make_program(step, Path(scratch))
            loading = time.perf_counter()
            self._run = ExecutorchStep(step, file)
            self._program = file.read_bytes()
        load_s = time.perf_counter() - loading
        self._run.restore()
        self._run()
        self.capture_s = time.perf_counter() - start
        import msgspec

        self.package = msgspec.structs.replace(record, load_s=load_s)
        self.extra_bytes = record.bytes

    def run(self) -> Tensor:
        """One step."""
        return self._run()

    def trace(self, steps: int) -> str:
        """The text of a trace of the next steps, by the runtime's own tracer."""
        return self._run.trace(self._program, steps)
