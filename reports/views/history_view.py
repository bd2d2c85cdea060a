"""Cases over runs: each point an estimate with its interval, and the changes of conditions between two points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.compare.history import changed_context, conditions
from harness.stats import estimate_of
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.estimate import Estimate
from harness.values.point import CasePoint, CaseSeries
from harness.values.run import Run

from ..figures import clean
from .run_view import case_name


@dataclass(frozen=True)
class Point:
    """A run's estimate of a case. changed: conditions that differ from the point before; empty if both may be
    compared."""

    run: str
    started: str
    commit: str
    time: Estimate
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Trend:
    """A case over runs, oldest first. gaps: runs that have the case without samples."""

    id: str
    suite: str
    name: str
    arm: str
    kind: str
    unit: str
    points: tuple[Point, ...]
    gaps: int

    @property
    def since(self) -> int:
        """Index of the first point that may be compared with the last."""
        return max((place for place, point in enumerate(self.points) if point.changed), default=0)


@dataclass(frozen=True)
class Slim:
    """The part of a run that a history needs, so that hundreds fit into memory. times: by case id; None for a measured
    case without samples."""

    id: str
    suite: str
    started: str
    environment: Environment | None
    cases: dict[str, Case]
    times: dict[str, Estimate | None]


def slim(run: Run) -> Slim:
    times = {m.case.id: estimate_of(run, m) for m in run.measurements}
    cases = sorted((case for case in run.cases if case.id in times), key=lambda case: case.kind != "decode")
    return Slim(run.id, run.suite, run.started, run.environment, {case.id: case for case in cases}, times)


def trends(runs: Sequence[Slim], last_alone: bool = False) -> tuple[Trend, ...]:
    """Every case with two points or more over the runs, oldest first.

    The cases of the last run come first, decodes before the others, then in the order of the plan. The cases of earlier
    runs follow unless `last_alone`.
    """
    if not runs:
        return ()
    changed = [
        (),
        *(tuple(map(clean, conditions(before.environment, after.environment))) for before, after in pairwise(runs)),
    ]
    cases: dict[str, Case] = {}
    for run in runs[-1:] if last_alone else reversed(runs):
        for key, case in run.cases.items():
            cases.setdefault(key, case)
    found = (_trend(case, runs, changed) for case in cases.values())
    return tuple(trend for trend in found if len(trend.points) > 1)


def trends_of_points(found: Iterable[tuple[CaseSeries, CasePoint]]) -> list[Trend]:
    """Every case that has two points with a time of its own, separately for each machine; decodes first. found: oldest
    first."""
    by_series: dict[tuple[str, ...], list[CasePoint]] = {}
    owner: dict[tuple[str, ...], CaseSeries] = {}
    for series, point in found:
        if not point.code.same_as:
            key = series.suite, series.case.id, series.machine, series.identity
            by_series.setdefault(key, []).append(point)
            owner.setdefault(key, series)
    machines = Counter(key[:2] for key in by_series)
    made = [_of_points(owner[key], points, machines[key[:2]] > 1) for key, points in by_series.items()]
    return sorted((t for t in made if len(t.points) > 1), key=lambda trend: trend.kind != "decode")


def _of_points(series: CaseSeries, found: Sequence[CasePoint], named: bool) -> Trend:
    """named: the machine is part of the name."""
    timed = [point for point in found if point.time is not None]
    points: list[Point] = []
    for before, point in zip((None, *timed), timed, strict=False):
        other = before is not None and before.context is not point.context
        changed = tuple(map(clean, changed_context(before.context, point.context))) if before and other else ()
        assert point.time is not None
        started, commit = clean(point.started[:16].replace("T", " ")), clean(point.commit[:9])
        points.append(Point(clean(point.run), started, commit, point.time, changed))
    gaps = sum(point.time is None and point.status != "NOT REACHED" for point in found)
    case, machine = series.case, f" · {clean(series.place)}" if named else ""
    return Trend(
        case.id, clean(series.suite), case_name(case) + machine, clean(case.arm), case.kind, case.unit, tuple(points),
        gaps,
    )  # fmt: skip


def _trend(case: Case, runs: Sequence[Slim], changed: Sequence[tuple[str, ...]]) -> Trend:
    points: list[Point] = []
    gaps, key = 0, case.id
    pending: list[str] = []
    for run, differences in zip(runs, changed, strict=True):
        pending += differences
        time = run.times.get(key)
        if time is None:
            gaps += key in run.times
            continue
        points.append(_point(run, time, tuple(dict.fromkeys(pending)) if points else ()))
        pending = []
    name, arm = case_name(case), clean(case.arm)
    return Trend(key, clean(runs[-1].suite), name, arm, case.kind, case.unit, tuple(points), gaps)


def _point(run: Slim, time: Estimate, changed: tuple[str, ...]) -> Point:
    commit = (run.environment.commit if run.environment else None) or ""
    return Point(clean(run.id), clean(run.started[:16].replace("T", " ")), clean(commit[:9]), time, changed)
