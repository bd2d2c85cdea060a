"""The binaries of a decode step: the launches of each place of an op, read as the step runs on a GPU."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from harness.load_kernels import LoadedOp, LoadedVariant, load_op
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.profile import SiteBinary


class Reader(Protocol):
    """The launches of one call, or the reason why they cannot be read (`measure.gpu_binaries.GpuBinaries`)."""

    def of_call(self, op: LoadedOp, variant: LoadedVariant, case: Case, inputs: list[Any]) -> Compiled | str: ...


class StepBinaries:
    """Observes the calls of one decode step and reads the first call of each place. `calls`: the places of the arm.

    Reading repeats the call's torch operations, so that states must be restored after the step.
    """

    def __init__(self, reader: Reader, calls: dict[str, tuple[Case, LoadedVariant]]) -> None:
        self._reader, self._calls = reader, calls
        self._times: Counter[str] = Counter()
        self._read: dict[str, Compiled | str] = {}

    def __call__(self, place: str, phase: str, inputs: list[Any]) -> None:
        if phase != "decode":
            return
        self._times[place] += 1
        if place not in self._read:
            case, variant = self._calls[place]
            try:
                self._read[place] = self._reader.of_call(load_op(str(case.op)), variant, case, inputs)
            except Exception as error:  # a binary that cannot be read costs its row, not the profile
                self._read[place] = f"its binary cannot be read: {type(error).__name__}: {error}".splitlines()[0]

    def rows(self) -> tuple[SiteBinary, ...]:
        """One row for each kernel of a place, in the order of the step, without torch's own kernels."""
        found: dict[tuple[str, str], SiteBinary] = {}
        for place, compiled in self._read.items():
            if isinstance(compiled, str):
                continue
            for launch, binary in zip(compiled.launches, compiled.binaries, strict=True):
                before = found.get((place, binary.sha256))
                launches = self._times[place] + (before.launches if before else 0)
                found[place, binary.sha256] = SiteBinary(place, launches, launch.grid, binary)
        return tuple(found.values())

    def not_read(self) -> dict[str, str]:
        """By place, the reason why it was not read."""
        return {place: reason for place, reason in self._read.items() if isinstance(reason, str)}
