"""The cases of two sides, joined on their questions: the answers may differ, that is what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from harness.compare.sides import StoredSide
from harness.values.case import Case
from harness.values.measurement import Measurement


@dataclass(frozen=True)
class PlannedCase:
    """A planned case of one side, and what was measured for it: its own measurement, or that of the case with the same
    answer that stands in its place; None where the run ended before it."""

    case: Case
    measurement: Measurement | None


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
    def same_answer(self) -> bool:
        """Whether both sides ran the same kernel, as far as its variant's own text says."""
        base, head = self.base, self.head
        if base is None or head is None or base.measurement is None or head.measurement is None:
            return False
        same = base.case.answer is not None and base.case.answer == head.case.answer
        return same and base.measurement.source is not None and base.measurement.source == head.measurement.source


def join(base: StoredSide, head: StoredSide) -> list[Joined]:
    """Every question of either side: the base's in their order, then the head's own."""
    sides = [_questions(side) for side in (base, head)]
    return [Joined(name, *(side.get(name) for side in sides)) for name in dict.fromkeys(chain(*sides))]


def _questions(side: StoredSide) -> dict[str, PlannedCase]:
    return {
        _name(case, with_arm=side.arm is None): PlannedCase(case, measurement)
        for case, measurement in side.run.answered()
        if side.arm in (None, case.arm)
    }


def _name(case: Case, *, with_arm: bool) -> str:
    """The case's id; without its arm where the arms are what is compared. In a sweep tunables are part of the
    question."""
    if with_arm:
        return case.id
    tunables = [case.answer.label] if case.tunables_in_id and case.answer is not None else []
    return "/".join([case.question, *tunables])
