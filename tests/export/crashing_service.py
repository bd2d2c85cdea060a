"""Stands in for the process that compiles: it crashes, before or after it has compiled."""

from __future__ import annotations

import os
import signal

from harness.export.compiling import CompileStep, StepCompiled
from harness.worker.messages import Boot
from harness.worker.wire import Wire


def serve(wire: Wire, _: Boot) -> None:
    """As a compiler that crashes, where the package's name says so; as loading that does, where it does not."""
    job: CompileStep = wire.receive(CompileStep)
    if not job.package.endswith("compiler.pt2"):
        wire.send(StepCompiled(14.5, 0.0, 8.0, ()))
    os.kill(os.getpid(), signal.SIGSEGV)
