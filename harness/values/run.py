"""A run: one execution of one plan on one machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from harness.values.case import Case
from harness.values.closure import Closure, ObservedCode
from harness.values.compilers import CompilerMatrix
from harness.values.environment import Environment
from harness.values.machine import Sniff
from harness.values.measurement import Conditions, Measurement, Status
from harness.values.pairing import Pairing, Slot
from harness.values.profile import Profile
from harness.values.program import Program
from harness.values.suite import ComparePolicy, Suite

SCHEMA_VERSION = 1
Setting = str | int | tuple[str, ...]


class SuiteFacts(msgspec.Struct, frozen=True):
    """The parts of a suite that later comparisons need, as they were on the day of a run, with defaults filled in."""

    model: str
    dtype: str
    """Dtype of the activations."""
    weights: dict[str, Setting]
    """By the key of the suite's section: dtype, group, from, seed, dense. A missing key is unknown."""
    routing: str
    compare: ComparePolicy


def facts_of(suite: Suite) -> SuiteFacts:
    """The facts that a new run stores."""
    w = suite.weights
    weights: dict[str, Setting] = {
        "dtype": w.dtype, "group": w.group, "from": w.source, "seed": w.seed, "dense": w.dense,
    }  # fmt: skip
    return SuiteFacts(suite.model, suite.dtype, weights, suite.routing, suite.compare)


class Unmeasured(NamedTuple):
    """The reason why a planned case has no measurement.

    alike: It needs none, because both sides of its comparison run the same code.
    """

    status: str
    reason: str
    alike: bool


NOT_REACHED = Unmeasured("NOT REACHED", "the run ended before it", False)
NOT_TIMED = Unmeasured("NOT TIMED", "both sides of the comparison run the same code", True)


class Run(msgspec.Struct, frozen=True):
    """One execution of a plan, as it is stored.

    state: `running`, `partial` (stopped before its end) or `complete`.
    planned: Every case of the plan, so that a partial run shows its missing cases.
    sources: Source text of every measured variant, and of the suite, by sha256.
    processes: Number of fresh processes that were requested.
    started: ISO 8601, UTC.
    pairing: For a run that is one side of a comparison measured as pairs.
    slots: The processes of such a run.
    process_noise: By case id, the relative standard deviation between fresh processes, from the calibration of this
        machine when the run began.
    observed: The files that the first process saw each case read. For pairs, the slots have them.
    sniff: The look at the machine before the run. Both runs of a comparison have the same one.
    """

    id: str
    started: str
    suite: str
    suite_hash: str
    title: str
    state: str
    command: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    analysis: str = ""
    processes: int = 1
    environment: Environment | None = None
    planned: tuple[Case, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    conditions: tuple[Conditions, ...] = ()
    profiles: tuple[Profile, ...] = ()
    sources: dict[str, str] = {}
    streams: dict[str, list[int]] = {}
    pairing: Pairing | None = None
    slots: tuple[Slot, ...] = ()
    process_noise: dict[str, float] = {}
    suite_facts: SuiteFacts | None = None
    """None if unknown: a file of pytest-benchmark has no suite."""
    observed: ObservedCode = ObservedCode()
    sniff: Sniff | None = None
    position: int | None = None
    """Position of the environment's commit on its line of first parents. The root's is 1. None if unknown."""
    program: Program | None = None
    """The program that was profiled in place of a suite."""
    matrix: CompilerMatrix | None = None
    """The result of `harness compilers`, which measures nothing."""
    schema: int = SCHEMA_VERSION

    @property
    def timed_processes(self) -> int:
        """The number of fresh processes that were requested. For a run that ended before, the number that measured."""
        if self.state == "complete" or self.pairing is not None:
            return self.processes
        return len({sample.process for m in self.measurements for sample in m.samples})

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases of the plan, then those that were measured without one. Each id occurs once."""
        every = (*self.planned, *(m.case for m in self.measurements))
        return tuple({case.id: case for case in every}.values())

    def answered(self) -> Iterator[tuple[Case, Measurement | None]]:
        """Every case with its measurement, or with that of the case with the same answer that stands in its place."""
        measured = {m.case.id: m for m in self.measurements}
        for case in self.cases:
            yield case, measured.get(case.id) or measured.get(case.same_as or "")

    @property
    def nothing_measured(self) -> str:
        """`2 UNSUPPORTED, the first: needs a GPU` if no case is OK and nothing was profiled. Else empty."""
        if self.profiles or any(m.status is Status.OK for m in self.measurements):
            return ""
        if not self.measurements:
            return "no case was run"
        counts = Counter(m.status.value for m in self.measurements)
        counted = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{counted}, the first: {self.measurements[0].reason}"

    def closure_of(self, case: Case) -> Closure | None:
        """The closure of a case. None if nobody looked."""
        own = case.same_as or case.id
        slots = (slot.closures[own] for slot in self.slots if own in slot.closures)
        return next(slots, None) or self.observed.closure(own)

    def unmeasured(self, case: Case) -> Unmeasured:
        """The reason of a planned case without a measurement. If two arms are the sides, questions are named without
        them."""
        identical = self.pairing.identical if self.pairing else ()
        return NOT_TIMED if case.id in identical or case.question in identical else NOT_REACHED
