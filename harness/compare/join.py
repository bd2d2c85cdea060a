"""The cases of two sides, joined on their questions. The answers may differ: the comparison is about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import msgspec

from harness.compare.sides import StoredSide
from harness.values.case import Case
from harness.values.closure import Closure
from harness.values.measurement import Measurement
from harness.values.run import Run
from harness.values.verdict import CaseVerdict


@dataclass(frozen=True)
class PlannedCase:
    """A planned case of one side and its measurement: its own, or that of the case with the same answer that stands in
    its place. None where the run ended before it."""

    case: Case
    measurement: Measurement | None
    closure: Closure | None = None
    """The files that it was seen to read; None where it was not observed."""
    asked: str = ""
    """Hash of the whole question; empty where it is unknown."""

    def asked_as(self, other: PlannedCase) -> bool | None:
        """Whether both have the same sizes, tunables and weights; None where that is unknown."""
        if self.asked and other.asked:
            return self.asked == other.asked
        if self.case.answer is None:
            return None
        return (self.case.answer, self.case.dims) == (other.case.answer, other.case.dims)


@dataclass(frozen=True)
class Joined:
    """One question; a side that did not ask it is None."""

    name: str
    base: PlannedCase | None
    head: PlannedCase | None

    @property
    def case(self) -> Case:
        planned = self.base or self.head
        assert planned is not None
        return planned.case

    @property
    def same_code(self) -> bool | None:
        """Whether both sides were asked the same and gave the same answer by the same code, proved by all files that
        either was seen to read. None where a side was not observed."""
        base, head = self.base, self.head
        if base is None or head is None or base.closure is None or head.closure is None:
            return None
        alike = base.asked_as(head)
        return None if alike is None else alike and base.closure.proves_same(head.closure)

    def with_changes(self, verdict: CaseVerdict) -> CaseVerdict:
        """The verdict with the files, as far as observed, whose content differs between the sides' reads for the
        case."""
        base, head = self.base, self.head
        if base is None or head is None or base.closure is None or head.closure is None:
            return verdict
        changed, shared = base.closure.differences(head.closure), {*base.closure.shared, *head.closure.shared}
        return msgspec.structs.replace(
            verdict, changed=changed, shared=tuple(name for name in changed if name in shared)
        )


def join(base: StoredSide, head: StoredSide) -> list[Joined]:
    """Return every question of either side: the base's in their order, then the head's own."""
    sides = [_questions(side) for side in (base, head)]
    return [Joined(name, *(side.get(name) for side in sides)) for name in dict.fromkeys(chain(*sides))]


def _questions(side: StoredSide) -> dict[str, PlannedCase]:
    return {
        _name(planned.case, with_arm=side.arm is None): planned
        for planned in planned_cases(side.run)
        if side.arm in (None, planned.case.arm)
    }


def planned_cases(run: Run) -> Iterator[PlannedCase]:
    """All planned cases of a run, in the order of its plan."""
    for case, measurement in run.answered():
        asked = run.observed.asked.get(case.same_as or case.id, "")
        yield PlannedCase(case, measurement, run.closure_of(case), asked)


def _name(case: Case, *, with_arm: bool) -> str:
    """The case's id; without its arm where the comparison is between arms. In a sweep tunables are part of the
    question."""
    if with_arm:
        return case.id
    tunables = [case.answer.label] if case.tunables_in_id and case.answer is not None else []
    return "/".join([case.question, *tunables])
