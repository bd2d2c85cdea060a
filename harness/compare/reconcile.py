"""Do the kernels explain a decode? Compares their changes times their calls with the change of a step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harness.compare.join import Joined, PlannedCase
from harness.compare.op_sites import SameSites, Timed, extra_time, same_sites
from harness.compare.paired_runs import PairedRuns, paired_runs
from harness.compare.profiled_step import changed_places
from harness.compare.sides import StoredSide, same_run
from harness.stats import estimate, ratio
from harness.values.case import same_shape
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement
from harness.values.verdict import Verdict

CONFIDENCE = 0.95
PROFILE = "profile"
"""The level of a figure from one profile of each side: it has no interval."""


class Delta(msgspec.Struct, frozen=True):
    """head minus base in us with the half width of its 95 % interval, from n pairs, processes or rounds (`level`)."""

    us: float
    half_us: float
    n: int
    level: str


class Part(msgspec.Struct, frozen=True):
    """A kernel in a step of a decode: the number of calls, and how much slower (or, negative, faster) each is."""

    case: str
    """Its id; `name` where head calls other ops in the same places (a composite op, or the ops that it replaced)."""
    calls: int
    each: Delta
    name: str
    """Its op, with the site where there are several; with an arrow where head calls others."""

    @property
    def us(self) -> float:
        return self.calls * self.each.us


class Reconciled(msgspec.Struct, frozen=True):
    """Whether the kernels explain the decode. parts: the largest first. predicted_us: sum of calls x time per call, per
    step."""

    case: str
    parts: tuple[Part, ...]
    predicted_us: float
    predicted_half_us: float
    measured: Delta

    @property
    def left_us(self) -> float:
        return self.measured.us - self.predicted_us


def reconcile(
    base: StoredSide, head: StoredSide, questions: Sequence[Joined], verdicts: Mapping[str, Verdict]
) -> tuple[Reconciled, ...]:
    """Return one for each decode that was timed on both sides, with kernels of its shape that may differ. questions: of
    both sides, joined. verdicts: on the times, by the joined case's name."""
    kernels = [question for question in questions if question.case.kind == "kernel"]
    timing = _Timing(paired_runs(base.run, head.run), same_run(base, head), (base, head))
    decodes = [question for question in questions if question.case.kind == "decode"]
    found = [_reconciled(decode, kernels, timing, verdicts) or _profiled(decode, kernels, timing) for decode in decodes]
    return tuple(one for one in found if one is not None)


@dataclass(frozen=True)
class _Timing:
    """How the two sides were timed. pairs: None where they were not in pairs. one_run: by the same processes."""

    pairs: PairedRuns | None
    one_run: bool
    sides: tuple[StoredSide, StoredSide]

    def delta(self, question: Joined) -> Delta | None:
        """The change of a question; None where a side was not timed, or one measurement stands for both."""
        base, head = _measurement(question.base), _measurement(question.head)
        if base is None or head is None or base is head:
            return None
        before = _time(base).value
        if self.pairs is not None:
            pairs = self.pairs.of(base, head)
            if pairs.n < 2:
                return None
            found = pairs.fit.difference
            centre, half = found.centre, found.half_width(CONFIDENCE)
            return Delta(before * math.expm1(centre), before * math.exp(centre) * half, found.n, "pair")
        change = ratio(base.samples, head.samples, confidence=CONFIDENCE, paired=self.one_run)
        assert change is not None
        return Delta(before * (change.value - 1), before * (change.high - change.low) / 2, change.n, change.level)


def _reconciled(
    decode: Joined, kernels: Sequence[Joined], timing: _Timing, verdicts: Mapping[str, Verdict]
) -> Reconciled | None:
    measured = timing.delta(decode)
    before = [question for question in kernels if _in_step(question.base, decode.base)]
    after = [question for question in kernels if _in_step(question.head, decode.head)]
    groups = same_sites(before, after, lambda question: question.case)
    parts = [part for group in groups if (part := _part(group, timing, verdicts))]
    if measured is None or not parts:
        return None
    parts.sort(key=lambda part: -abs(part.us))
    half = math.hypot(*(part.calls * part.each.half_us for part in parts))
    return Reconciled(decode.name, tuple(parts), sum(part.us for part in parts), half, measured)


def _profiled(decode: Joined, kernels: Sequence[Joined], timing: _Timing) -> Reconciled | None:
    """Explain a decode by the profiles of both sides, where neither timed a kernel of it alone: a model that names no
    ops. One profile a side has no interval."""
    base, head = decode.base, decode.head
    measured = timing.delta(decode)
    timed = [q for q in kernels if _in_step(q.base, base) or _in_step(q.head, head)]
    if measured is None or timed or base is None or head is None or base.measurement is None:
        return None
    places = changed_places(*timing.sides, (base.case, head.case), _time(base.measurement).value)
    parts = [Part(place.name, 1, Delta(place.us, 0.0, place.steps, PROFILE), place.name) for place in places]
    parts.sort(key=lambda part: -abs(part.us))
    return Reconciled(decode.name, tuple(parts), sum(part.us for part in parts), 0.0, measured) if parts else None


def _in_step(kernel: PlannedCase | None, decode: PlannedCase | None) -> bool:
    """Whether this is a kernel case of the arm and shape of a decode, whose steps call it."""
    if kernel is None or decode is None:
        return False
    of_arm = kernel.case.calls > 0 and kernel.case.arm == decode.case.arm
    return of_arm and same_shape(kernel.case.axes, decode.case.axes)


def _part(group: SameSites[Joined], timing: _Timing, verdicts: Mapping[str, Verdict]) -> Part | None:
    """The part of a group; None where nothing was timed, or where the timed kernels may be the same."""
    if group.base != group.head:
        return _replaced(group)
    (question,) = group.base
    each = timing.delta(question) if _may_differ(question, verdicts.get(question.name)) else None
    return Part(question.name, question.case.calls, each, question.case.label) if each else None


def _replaced(group: SameSites[Joined]) -> Part | None:
    """The part of other ops in the same places: the time of all of head's less the time of base's."""
    base, head = _timed(q.base for q in group.base), _timed(q.head for q in group.head)
    if len(base) < len(group.base) or len(head) < len(group.head):
        return None
    calls, us, half_us = extra_time(base, head)
    least = min((time for _, time in (*base, *head)), key=lambda time: time.n)
    name = " -> ".join(" + ".join(question.case.label for question in side) for side in (group.base, group.head))
    return Part(name, calls, Delta(us, half_us, least.n, least.level), name)


def _timed(side: Iterable[PlannedCase | None]) -> list[Timed]:
    return [(one.case.calls, _time(found)) for one in side if one and (found := _measurement(one))]


def _may_differ(question: Joined, verdict: Verdict | None) -> bool:
    """Whether a kernel's change is more than noise between two measurements of the same thing."""
    if verdict in (Verdict.FASTER, Verdict.SLOWER):
        return True
    if verdict is Verdict.SAME or not question.base or not question.head:
        return False
    base, head = question.base, question.head
    if base.measurement is None or head.measurement is None:
        return False
    if question.same_code is not None:
        return not question.same_code
    return base.case.answer != head.case.answer or base.measurement.source != head.measurement.source


def _measurement(planned: PlannedCase | None) -> Measurement | None:
    """The measurement if it has samples, else None."""
    return planned.measurement if planned and planned.measurement and planned.measurement.samples else None


def _time(measurement: Measurement) -> Estimate:
    found = estimate(measurement.samples)
    assert found is not None
    return found
