"""The ends that an alarm is measured at, and the answer that belongs to it."""

from __future__ import annotations

import math

from harness.history.alarms import BACK, alarms, confirmation_of
from harness.values.event import Answer

from .made import COMMITS, POSITIONS, answers, series_of, with_changes


def test_the_ends_lie_on_both_levels() -> None:
    """The good one some points before the step, the bad one the newest of the new level, also where another step
    follows."""
    first, second = alarms(series_of({40: 0.05, 60: -0.03}))
    assert (first.good.commit, first.bad.commit) == (COMMITS[40 - BACK], COMMITS[59])
    assert (second.good.commit, second.bad.commit) == (COMMITS[60 - BACK], COMMITS[79])
    assert math.isclose(first.level, 2.0, abs_tol=0.002) and math.isclose(first.shift, 0.05, abs_tol=0.005)


def test_a_quiet_series_has_none() -> None:
    assert alarms(series_of({})) == []


def test_an_answer_is_found_again_when_more_runs_have_moved_the_step() -> None:
    """By one commit; a step the other way, or elsewhere, is another change."""
    series = series_of({40: 0.05})
    known = answers(series, [Answer.COMMIT])
    later = series_of({40: 0.05}, n=120)
    (moved,) = with_changes((*later.points[:41], *later.points[42:])).changes
    assert confirmation_of(moved, known, POSITIONS) == known[0]
    (back,) = series_of({40: -0.05}).changes
    (elsewhere,) = series_of({90: 0.05}, n=120).changes
    assert confirmation_of(back, known, POSITIONS) is confirmation_of(elsewhere, known, POSITIONS) is None
