"""The cases of a run beside their measurements and estimates: the source of every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.stats import assumed_noise, estimate_of, ratio
from harness.values.case import AxisValue, Case
from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Measurement, Sample
from harness.values.run import Run

from ..figures import clean


@dataclass(frozen=True)
class MeasuredCase:
    """A case and its measurement; None if the run ended before it. shared_with: the arm that was measured in its place,
    because both give the same answer."""

    case: Case
    measurement: Measurement | None
    shared_with: str = ""

    @property
    def timed(self) -> bool:
        """Whether it has samples, or statistics that another program kept of them."""
        return bool(self.samples) or (self.measurement is not None and self.measurement.statistics is not None)

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.measurement.samples if self.measurement else ()


@dataclass(frozen=True)
class Joined:
    """All cases of a run in the order of its plan. arms: in that order; the others are compared with the first."""

    run: Run
    cases: tuple[MeasuredCase, ...]
    arms: tuple[str, ...]
    _estimates: dict[str, Estimate | None] = field(default_factory=dict, compare=False)

    @property
    def read_gb_s(self) -> float | None:
        environment = self.run.environment
        return environment.read_gb_s if environment and environment.read_gb_s else None

    def kind(self, kind: str) -> list[MeasuredCase]:
        return [entry for entry in self.cases if entry.case.kind == kind]

    def estimate(self, entry: MeasuredCase) -> Estimate | None:
        """us per call, step or pass; None without samples."""
        key = entry.measurement.case.id if entry.measurement else entry.case.id
        if key not in self._estimates:
            self._estimates[key] = estimate_of(self.run, entry.measurement) if entry.measurement else None
        return self._estimates[key]

    def bound_us(self, entry: MeasuredCase) -> float | None:
        """Time of the case's bytes at the read bandwidth measured on this device: no answer can be faster."""
        work = entry.measurement.work if entry.measurement else None
        if work is None or self.read_gb_s is None or work.bytes == 0:
            return None
        return work.bytes / (self.read_gb_s * 1e3)

    def against_first(self, entries: Sequence[MeasuredCase], head: MeasuredCase) -> Ratio | None:
        """head time / time of the first arm's answer to the same question. None if that one has no samples, or if both
        are the same measurement."""
        base = next((entry for entry in entries if entry.case.arm == self.arms[0]), None)
        if base is None or not base.samples or not head.samples or base.measurement is head.measurement:
            return None
        return ratio(base.samples, head.samples, process_noise=assumed_noise(head.case))


def join(run: Run) -> Joined:
    """Pair each planned case with its measurement, or with the measurement of the case that stands for it."""
    arm_of, own = {case.id: case.arm for case in run.cases}, {m.case.id for m in run.measurements}
    cases = tuple(
        MeasuredCase(case, m, "" if case.id in own else arm_of.get(case.same_as or "", ""))
        for case, m in run.answered()
    )
    arms = [entry.case.arm for entry in cases] or [profile.arm for profile in run.profiles]
    return Joined(run, cases, tuple(dict.fromkeys(arms)))


def by_question(entries: Iterable[MeasuredCase]) -> list[list[MeasuredCase]]:
    """Cases with the same question, one list each, in order of first appearance."""
    groups: dict[str, list[MeasuredCase]] = {}
    for entry in entries:
        groups.setdefault(entry.case.question, []).append(entry)
    return list(groups.values())


def shared_arms(entries: Sequence[MeasuredCase]) -> list[tuple[MeasuredCase, tuple[str, ...]]]:
    """Each measured answer once, with all arms that give it."""
    arms: dict[int, list[str]] = {}
    first: dict[int, MeasuredCase] = {}
    for entry in entries:
        key = id(entry.measurement) if entry.measurement else id(entry)
        first.setdefault(key, entry)
        arms.setdefault(key, []).append(clean(entry.case.arm))
    return [(first[key], tuple(dict.fromkeys(arms[key]))) for key in first]


def rate(time: Estimate, tokens: int) -> Estimate:
    """Tokens per second from us. The interval is inverted; its confidence and level stay."""
    per_us = tokens * 1e6
    low, high = per_us / time.high, per_us / time.low
    return Estimate(per_us / time.value, low, high, time.confidence, time.n, time.level, time.noise)


def step_shape(axes: Mapping[str, AxisValue]) -> tuple[AxisValue, AxisValue | None]:
    """Batch and context of a decode step."""
    return axes.get("batch", 1), axes.get("context")
