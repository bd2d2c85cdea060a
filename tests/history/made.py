"""A made series with its commits, and what somebody said of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from harness.history.alarms import alarms
from harness.stats.change_points import scan
from harness.values.bisect import Commit
from harness.values.change import Change, Point, Series
from harness.values.estimate import Ratio
from harness.values.event import Acceptance, Answer, Confirmation

COMMITS = [f"{number:040x}" for number in range(200)]
POSITIONS: Mapping[str, int] = {commit: number for number, commit in enumerate(COMMITS)}
CASE, SUITE, MACHINE = "int4_mm@lm_head", "small", "GPU GPU-1"


def series_of(steps: Mapping[int, float], n: int = 80, sd: float = 0.002, seed: int = 1) -> Series:
    """A run a commit. steps: by commit, what the level rises by from it on, as a log ratio. Its changes are the
    scan's."""
    rng, level, values = random.Random(seed), 2.0, []
    for number in range(n):
        level += steps.get(number, 0.0)
        values.append(level + rng.gauss(0, sd))
    points = tuple(Point(COMMITS[number], (str(number + 1),), value) for number, value in enumerate(values))
    return with_changes(points)


def with_changes(points: tuple[Point, ...]) -> Series:
    import math

    found = [
        Change(
            CASE, SUITE, MACHINE, points[step.index - 1], points[step.index], 1,
            Ratio(math.exp(step.shift), math.exp(step.low), math.exp(step.high), 0.95, 5, "run"), step.z,
        )
        for step in scan([point.log_us for point in points])
    ]  # fmt: skip
    return Series(CASE, SUITE, MACHINE, points, 0, tuple(found))


def answers(series: Series, said: Sequence[Answer]) -> list[Confirmation]:
    """One for each of its changes, in order; a confirmed one measured what was suspected."""
    found = []
    for number, (alarm, answer) in enumerate(zip(alarms(series), said, strict=True)):
        ratio = alarm.change.ratio if answer.is_confirmed else Ratio(1.0, 0.999, 1.001, 0.95, 6, "pair")
        left = (Commit(alarm.change.since.commit),) if answer is Answer.COMMIT else ()
        found.append(
            Confirmation(
                f"c{number}", f"2026-01-{number + 1:02}", "somebody", SUITE, CASE, MACHINE, alarm.good.commit,
                alarm.bad.commit, alarm.change.ratio, answer, ratio, left, 6,
            )
        )  # fmt: skip
    return found


def acceptance(commit: str, at_most_percent: float = 10.0, case: str = CASE) -> Acceptance:
    return Acceptance("a1", "2026-02-01", "somebody", SUITE, case, commit, "it is right now", at_most_percent)
