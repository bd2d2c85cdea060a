"""Measured anew: the commit, a range, nothing, or the machine, with what says so."""

from __future__ import annotations

import msgspec
import pytest

from harness.history.answers import answer_of
from harness.values.bisect import Bisected, BisectResult, Commit
from harness.values.estimate import Ratio
from harness.values.event import Answer

FOUND = Bisected("c", Commit("a"), Commit("b"), BisectResult.FOUND, 8, 20)
SAME = msgspec.structs.replace(FOUND, result=BisectResult.NOT_REPRODUCIBLE, ends_same=True)


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (BisectResult.FOUND, Answer.COMMIT), (BisectResult.RANGE, Answer.RANGE), (BisectResult.BROKEN, Answer.RANGE),
        (BisectResult.NOT_REPRODUCIBLE, Answer.UNDECIDED),
    ],
)  # fmt: skip
def test_a_search_that_ended_is_the_answer(result: BisectResult, answer: Answer) -> None:
    """What could not be decided stays undecided, and no machine is named for it."""
    found = msgspec.structs.replace(FOUND, result=result)
    assert answer_of(found, 0.05, 0.05, {"memory": 0.05})[0] is answer


def test_the_machine_is_named_by_its_own_slowness() -> None:
    """Equal commits, and a machine that is as slow as the step in the history."""
    answer, evidence = answer_of(SAME, 0.18, None, {"memory": 0.18, "matmul": 0.0})
    assert (answer, evidence) == (Answer.MACHINE, "its memory takes 20 % longer since then")


def test_the_machine_is_named_by_the_old_commit() -> None:
    """Whose code has not changed: it takes today what the new one took then."""
    answer, evidence = answer_of(SAME, 0.18, 0.17, {})
    assert (answer, evidence) == (Answer.MACHINE, "the old commit itself takes 19 % longer today")
    assert answer_of(SAME, -0.1, -0.09, {})[1] == "the old commit itself takes 8.6 % less today"


@pytest.mark.parametrize("result", [BisectResult.FOUND, BisectResult.RANGE])
def test_a_small_difference_of_the_commits_does_not_explain_a_step_of_the_machine(result: BisectResult) -> None:
    """The old commit takes 2 % more today, and the commits differ by 0.3 %; where they explain the step, they are named
    whatever the machine does."""
    for measured, machine in ((1.003, True), (0.997, True), (1.015, False)):
        ends = Ratio(measured, measured - 0.001, measured + 0.001, 0.95, 8, "pair")
        found = msgspec.structs.replace(FOUND, result=result, ends=ends)
        assert (answer_of(found, 0.02, 0.019, {})[0] is Answer.MACHINE) is machine
        assert answer_of(found, 0.02, 0.001, {})[0].is_confirmed


def test_what_goes_the_other_way_or_is_small_names_nobody() -> None:
    for today, probes in ((0.001, {"memory": 0.01}), (-0.2, {"matmul": -0.2}), (None, {})):
        assert answer_of(SAME, 0.18, today, probes) == (Answer.NOT_REPRODUCIBLE, "")
