"""The ends that an alarm is measured at, and the answer that belongs to it."""

from __future__ import annotations

import math

from msgspec.structs import replace

from harness.history.alarms import BACK, alarms, confirmation_of
from harness.values.case import Case
from harness.values.change import Series
from harness.values.event import Answer
from harness.values.point import CaseSeries, is_of

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


def test_processors_of_one_model_are_told_apart_by_their_host() -> None:
    """An answer for one host is none for another; one that names no host is for each, as is a run without a look."""
    on = {host: replace(series_of({40: 0.05}), machine=f"CPU at {host}") for host in ("a", "b")}
    said = [replace(answers(series_of({40: 0.05}), [Answer.COMMIT])[0], machine="CPU at a")]
    found = {host: _with_machine(one) for host, one in on.items()}
    assert [confirmation_of(found[host].changes[0], said, POSITIONS) for host in ("a", "b")] == [said[0], None]
    assert confirmation_of(found["b"].changes[0], [replace(said[0], machine="CPU")], POSITIONS) is not None
    case = Case("kernel", "a", "", {})
    places = [
        CaseSeries("s", case, *names).place for names in (("CPU", "CPU at a"), ("CPU", ""), ("H GPU-1", "GPU-123"))
    ]
    assert places == ["CPU at a", "CPU", "H GPU-1"]
    assert is_of("CPU", "CPU at a") and not is_of("CPU at a", "CPU at b") and not is_of("CPU at a", "CPU")


def _with_machine(series: Series) -> Series:
    return replace(series, changes=tuple(replace(change, machine=series.machine) for change in series.changes))
