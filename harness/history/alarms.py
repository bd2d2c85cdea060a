"""The suspected changes of a series, each with the two commits that are compared when it is measured anew."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.values.change import Change, Point, Series
from harness.values.event import Confirmation, Event
from harness.values.point import is_of

BACK = 3
"""Number of points between the good end and the new level, if the old level has as many. The first point of a step is
not always the one that is named (in 9 % of 2 % steps, METHODOLOGY)."""
LEVEL = 5
"""Points on either side whose runs tell the speed of the machine."""


@dataclass(frozen=True)
class Alarm:
    """One suspected change.

    good: A point of the old level.
    bad: The newest point of the new level, before any later step.
    before, since: Up to LEVEL points on either side of the step.
    level: The old level, as ln of us.
    """

    change: Change
    good: Point
    bad: Point
    before: tuple[Point, ...]
    since: tuple[Point, ...]
    level: float

    @property
    def shift(self) -> float:
        """The step as a log ratio."""
        return math.log(self.change.ratio.value)


def alarms(series: Series) -> list[Alarm]:
    """One alarm for each suspected change, oldest first."""
    at = [series.points.index(change.since) for change in series.changes]
    bounds = [0, *at, len(series.points)]
    found = []
    for change, start, step, end in zip(series.changes, bounds, at, bounds[2:], strict=False):
        old, new = series.points[start:step], series.points[step:end]
        level = statistics.median(point.log_us for point in old)
        found.append(Alarm(change, old[-min(BACK, len(old))], new[-1], old[-LEVEL:], new[:LEVEL], level))
    return found


def confirmation_of(
    change: Change, known: Sequence[Event], positions: Mapping[str, int] | None
) -> Confirmation | None:  # fmt: skip
    """The newest answer about this change: of the same series and direction, between whose ends its new level begins.
    More runs may move a step by a commit, and it is still the same change."""
    for event in reversed(known):
        if not isinstance(event, Confirmation) or (event.suite, event.case) != (change.suite, change.case):
            continue
        same_way = (event.suspected.value > 1) == (change.ratio.value > 1)
        if is_of(event.machine, change.machine) and same_way and _holds(event, change.since.commit, positions):
            return event
    return None


def _holds(event: Confirmation, commit: str, positions: Mapping[str, int] | None) -> bool:
    places = [(positions or {}).get(one) for one in (event.good, commit, event.bad)]
    if None in places:
        return commit == event.bad
    good, at, bad = (int(place) for place in places if place is not None)
    return good < at <= bad
