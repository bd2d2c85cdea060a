"""What a series owes: accepted changes begin a new level, a false improvement never does."""

from __future__ import annotations

import msgspec
import pytest

from harness.history.standing import standing
from harness.values.event import Answer
from harness.values.standing import ChangeState as State

from .made import CASE, COMMITS, POSITIONS, acceptance, answers, series_of


def test_a_slowdown_is_open_once_it_is_confirmed() -> None:
    """Before that it is an alarm and nobody's."""
    series = series_of({40: 0.05})
    before = standing(series, [], POSITIONS)
    assert (len(before.alarms), before.open_changes, before.owed) == (1, (), 1.0)
    after = standing(series, answers(series, [Answer.COMMIT]), POSITIONS)
    assert (after.alarms, len(after.open_changes)) == ((), 1) and after.owed == pytest.approx(1.05, abs=0.005)


@pytest.mark.parametrize("answer", [Answer.NOT_REPRODUCIBLE, Answer.MACHINE])
def test_what_was_refuted_is_no_alarm_again(answer: Answer) -> None:
    series = series_of({40: 0.05})
    found = standing(series, answers(series, [answer]), POSITIONS)
    assert (found.alarms, found.open_changes, found.changes[0].state) == ((), (), State.REFUTED)


def test_an_accepted_change_begins_a_new_level() -> None:
    """It is owed from then on; a later slowdown is open by itself, and by its own size."""
    series = series_of({40: 0.05, 60: 0.03})
    known = [*answers(series, [Answer.COMMIT] * 2), acceptance(COMMITS[40])]
    found = standing(series, known, POSITIONS)
    assert [one.state for one in found.changes] == [State.ACCEPTED, State.CONFIRMED]
    assert found.owed == pytest.approx(1.03, abs=0.005)


def test_acceptance_is_exact() -> None:
    """One case, one commit, up to a size: nothing else passes with it."""
    series = series_of({40: 0.05})
    confirmed = answers(series, [Answer.COMMIT])
    for accepted in (
        acceptance(COMMITS[40], case=f"{CASE}/other"), acceptance(COMMITS[41]), acceptance(COMMITS[40], 2.0),
        msgspec.structs.replace(acceptance(COMMITS[40]), suite="another"),
    ):  # fmt: skip
        assert standing(series, [*confirmed, accepted], POSITIONS).open_changes
    assert not standing(series, [*confirmed, acceptance(COMMITS[40])], POSITIONS).open_changes


def test_a_range_is_accepted_by_any_of_its_commits() -> None:
    series = series_of({40: 0.05})
    (found,) = answers(series, [Answer.RANGE])
    from harness.values.bisect import Commit

    wide = msgspec.structs.replace(found, left=(Commit(COMMITS[39]), Commit(COMMITS[40])))
    assert standing(series, [wide, acceptance(COMMITS[39])], POSITIONS).changes[0].state is State.ACCEPTED


def test_a_false_improvement_never_moves_the_level() -> None:
    """Refuted or not measured at all: when it goes back, nothing is open, and what is slower than before it is."""
    series = series_of({40: -0.05, 60: 0.05})
    for said in ([Answer.NOT_REPRODUCIBLE] * 2, [Answer.MACHINE] * 2):
        assert not standing(series, answers(series, said), POSITIONS).open_changes
    unmeasured = standing(series, answers(series, [Answer.UNDECIDED, Answer.MACHINE]), POSITIONS)
    assert not unmeasured.open_changes and unmeasured.owed == 1.0
    slower = series_of({40: -0.05, 60: 0.08})
    found = standing(slower, answers(slower, [Answer.MACHINE, Answer.COMMIT]), POSITIONS)
    assert found.owed == pytest.approx(1.083, abs=0.01) and len(found.open_changes) == 1


def test_a_true_improvement_is_owed_from_then_on() -> None:
    """And a slowdown that takes it back is open."""
    series = series_of({40: -0.05, 60: 0.05})
    found = standing(series, answers(series, [Answer.COMMIT] * 2), POSITIONS)
    assert len(found.open_changes) == 1 and found.owed == pytest.approx(1.05, abs=0.006)


def test_a_slowdown_that_was_taken_back_is_gone() -> None:
    """By a confirmed improvement; by one that nobody confirmed it is not."""
    series = series_of({40: 0.05, 60: -0.05})
    found = standing(series, answers(series, [Answer.COMMIT] * 2), POSITIONS)
    assert [one.state for one in found.changes] == [State.GONE, State.CONFIRMED] and not found.open_changes
    half = standing(series, answers(series, [Answer.COMMIT, Answer.UNDECIDED]), POSITIONS)
    assert len(half.open_changes) == 1


def test_the_same_code_is_nobodys_change() -> None:
    series = series_of({40: 0.05})
    same = msgspec.structs.replace(series, changes=(msgspec.structs.replace(series.changes[0], same_code=True),))
    assert standing(same, [], POSITIONS).changes[0].state is State.REFUTED
