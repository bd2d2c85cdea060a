"""Suspected changes of cases over commits, for each machine separately, in the order of the commits, not of the runs.

An old commit that is measured today stands at its place in the history. Two machines are two series. Other software,
another suite or other sizes begin a new one. Pairs confirm a suspicion (`harness compare`), and more pairs find its
commit (`harness bisect`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from harness.compare.history import asked_alike, code_between
from harness.stats.change_points import Rule, Step, scan, spread
from harness.values.change import Change, Point, Series
from harness.values.estimate import Ratio
from harness.values.point import CaseCode, CasePoint, CaseSeries

CONFIDENCE = 0.95
LEAST_ALIKE = 10
"""Least differences from which a spread is estimated."""
NEAR = 3
"""Levels by which a step may be seen too early or too late: simulated, 97 to 100 % of 2 % steps lie within, 90 to 95 %
at the very level."""


@dataclass
class _Level:
    """The points of one commit under the same conditions."""

    points: list[CasePoint] = field(default_factory=list)

    def point(self) -> Point:
        logs = [math.log(p.time.value) for p in self.points if p.time]
        return Point(self.points[0].commit, tuple(p.run for p in self.points), statistics.fmean(logs))


@dataclass
class _Found:
    """One series: its levels by the name of their commit. left_out: number of points whose commit has no position."""

    levels: dict[str, _Level] = field(default_factory=dict)
    left_out: int = 0


def series(
    found: Iterable[tuple[CaseSeries, CasePoint]], positions: Mapping[str, int] | None, rule: Rule = Rule()
) -> tuple[Series, ...]:  # fmt: skip
    """Return a series for each case, machine and set of conditions, with its suspected changes.

    found: oldest run first. positions: of the commits on their line, by hash. None: unknown; points then stand in the
    order of their runs, with those of one commit apart.
    """
    groups: dict[tuple[str, str, str, str, str], _Found] = {}
    owner: dict[tuple[str, str, str, str, str], CaseSeries] = {}
    for own, point in found:
        if point.time is None or point.tree:
            continue
        key = own.suite, own.case.id, own.machine, own.identity, point.context.key
        group = groups.setdefault(key, _Found())
        owner.setdefault(key, own)
        if positions is not None and point.commit not in positions:
            group.left_out += 1
            continue
        name = point.commit if positions is not None else f"{point.commit} {len(group.levels)}"
        group.levels.setdefault(name, _Level()).points.append(point)
    made = []
    for key, group in groups.items():
        names = sorted(group.levels, key=lambda name: positions[name]) if positions is not None else list(group.levels)
        if names:
            ordered = [group.levels[name] for name in names]
            made.append(_series(owner[key], ordered, positions, group.left_out, rule))
    return tuple(made)


def _series(
    own: CaseSeries, levels: Sequence[_Level], positions: Mapping[str, int] | None, left_out: int, rule: Rule
) -> Series:  # fmt: skip
    points = tuple(level.point() for level in levels)
    changes = []
    for step, at in _placed(scan([point.log_us for point in points], rule), levels):
        before, since = points[at - 1], points[at]
        between = positions[since.commit] - positions[before.commit] if positions is not None else None
        changes.append(
            Change(
                own.case.id, own.suite, own.place, before, since, between, _ratio(step, len(points)), step.z,
                _same_code(levels[at - 1], levels[at]),
            )
        )  # fmt: skip
    alike = [b.log_us - a.log_us for (a, b), same in zip(pairwise(points), _alike(levels), strict=True) if same]
    sd = spread(alike) / math.sqrt(2) if len(alike) >= LEAST_ALIKE else None
    return Series(own.case.id, own.suite, own.place, points, left_out, tuple(changes), len(alike), sd)


def _alike(levels: Sequence[_Level]) -> Iterator[bool]:
    return (_same_code(before, since) for before, since in pairwise(levels))


def _placed(steps: Sequence[Step], levels: Sequence[_Level]) -> Iterator[tuple[Step, int]]:
    """Each step with the index of the first level after it. Two levels of the same code have no change of the code
    between them: such a step is taken to the nearest place within NEAR that may have one, and stays where there is
    none."""
    placed = 0
    ends = [*(step.index for step in steps), len(levels)][1:]
    for step, after in zip(steps, ends, strict=True):
        near = range(max(placed + 1, step.index - NEAR), min(after, step.index + NEAR + 1))
        others = [at for at in near if not _same_code(levels[at - 1], levels[at])]
        placed = min(others, key=lambda at: abs(at - step.index), default=step.index)
        yield step, placed


def _same_code(before: _Level, since: _Level) -> bool:
    """Whether any two runs of two commits are proved to have run the same. Then no commit between them changed the
    case."""
    return any(runs_the_same(one.code, two.code) for one in before.points for two in since.points)


def runs_the_same(one: CaseCode, two: CaseCode) -> bool:
    """Whether both ran the same code, proved by the files that they read or by their binaries."""
    if one.binary and one.binary == two.binary and asked_alike(one, two) is not False:
        return True
    return code_between(one, two).code == "same"


def _ratio(step: Step, n: int) -> Ratio:
    value, low, high = (math.exp(x) for x in (step.shift, step.low, step.high))
    return Ratio(value, low, high, CONFIDENCE, n - step.index, "run")
