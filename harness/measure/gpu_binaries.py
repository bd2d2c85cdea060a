"""The binaries of a kernel that has just run on this GPU, read in the process that compiled it."""

from __future__ import annotations

import subprocess
from typing import Any

import msgspec

from harness.load_kernels import LoadedOp, LoadedVariant
from harness.static.compile_case import CaseCompiler
from harness.static.record import Recorder
from harness.static.target import parse_target
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status


class GpuBinaries(CaseCompiler):
    """A compiler of cases that leaves this process's driver unchanged: launches become warm-ups of kernels that are
    compiled already."""

    def __init__(self, target: str) -> None:
        self._reads(parse_target(target))

    def of_call(self, op: LoadedOp, variant: LoadedVariant, case: Case, inputs: list[Any]) -> Compiled | str:
        """The kernels that one call launches, or the reason why they cannot be told. inputs: of `run`, on the GPU;
        nothing is computed."""
        recorder = Recorder()
        try:
            recorder.call(variant.run, inputs, variant.tunables_of(case.answer))
            found = self._described(Compiled(case, Status.OK), recorder)
            return msgspec.structs.replace(found, chosen=tuple(recorder.chosen))
        except (ValueError, OSError, subprocess.SubprocessError, RuntimeError) as error:
            return f"its binary cannot be read: {type(error).__name__}: {error}".splitlines()[0]
