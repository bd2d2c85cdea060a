"""Suspected changes of cases over commits: each machine for itself, in the order of the commits, not of the runs.

An old commit that is measured today stands where it belongs, two machines are two series, and other software, another
suite or other sizes begin a new one. What is suspected here is confirmed by pairs (`harness compare`), and the commit
found by more of them (`harness bisect`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.compare.history import CaseHistory, Moment
from harness.stats.change_points import Rule, Step, scan
from harness.values.change import Change, Point, Series
from harness.values.estimate import Ratio

CONFIDENCE = 0.95


@dataclass
class _Level:
    """The moments of one commit under the same conditions."""

    moments: list[Moment] = field(default_factory=list)

    def point(self) -> Point:
        logs = [math.log(m.time.value) for m in self.moments if m.time]
        return Point(self.moments[0].commit, tuple(m.run for m in self.moments), statistics.fmean(logs))


def series(found: CaseHistory, positions: Mapping[str, int] | None, rule: Rule = Rule()) -> tuple[Series, ...]:
    """One for each machine and conditions, with its suspected changes. positions: of the commits on their line, by
    hash; None: none is known, and points stand in the order of their runs, those of one commit apart."""
    groups: dict[tuple[str, str], dict[str, _Level]] = {}
    left_out: dict[tuple[str, str], int] = {}
    for moment in found.moments:
        if moment.time is None or moment.tree:
            continue
        key = moment.machine, moment.conditions
        own = groups.setdefault(key, {})
        if positions is not None and moment.commit not in positions:
            left_out[key] = left_out.get(key, 0) + 1
            continue
        name = moment.commit if positions is not None else f"{moment.commit} {len(own)}"
        own.setdefault(name, _Level()).moments.append(moment)
    made = []
    for key, levels in groups.items():
        names = sorted(levels, key=lambda name: positions[name]) if positions is not None else list(levels)
        if names:
            ordered = [levels[name] for name in names]
            made.append(_series(found, key[0], ordered, positions, left_out.get(key, 0), rule))
    return tuple(made)


def _series(
    found: CaseHistory, machine: str, levels: list[_Level], positions: Mapping[str, int] | None, left_out: int,
    rule: Rule,
) -> Series:  # fmt: skip
    points = tuple(level.point() for level in levels)
    changes = []
    for step in scan([point.log_us for point in points], rule):
        before, since = points[step.index - 1], points[step.index]
        between = positions[since.commit] - positions[before.commit] if positions is not None else None
        proved = levels[step.index].moments[0]
        changes.append(
            Change(
                found.case, found.suite, machine, before, since, between, _ratio(step, len(points)), step.z,
                proved.code == "same" and not proved.files,
            )
        )  # fmt: skip
    return Series(found.case, found.suite, machine, points, left_out, tuple(changes))


def _ratio(step: Step, n: int) -> Ratio:
    value, low, high = (math.exp(x) for x in (step.shift, step.low, step.high))
    return Ratio(value, low, high, CONFIDENCE, n - step.index, "run")
