"""Which commit is measured next: whenever a budget ends, the widest gap is as narrow as it can be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.history.track import next_commit


def _order(number: int, measured: set[int], ranges: tuple[tuple[int, int], ...] = ()) -> list[int]:
    done, found = set(measured), []
    while (index := next_commit(number, done, (), ranges)) is not None:
        found.append(index)
        done.add(index)
    return found


def test_the_newest_commit_comes_first_and_gaps_are_halved() -> None:
    assert _order(8, set())[:4] == [7, 3, 5, 1]
    assert _order(8, {0, 1, 2, 3})[0] == 7


def test_what_is_suspected_is_narrowed_before_gaps_are_filled() -> None:
    """A step between commits 4 and 8 of 32: its inside comes before the wide gap of the older ones."""
    assert set(_order(33, {0, 4, 8, 32}, ((4, 8),))[:3]) == {5, 6, 7}


def test_what_cannot_be_measured_is_passed_over() -> None:
    """The newer one beside it is measured; where nothing is left, nothing is."""
    assert next_commit(8, {7}, {3}, ()) == 4
    assert next_commit(3, {0}, {1, 2}, ()) is None


@given(st.integers(1, 60), st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)))
def test_every_commit_is_measured_once(number: int, measured: set[int], skipped: set[int]) -> None:
    measured = {index for index in measured if index < number}
    skipped = {index for index in skipped if index < number} - measured
    done, found = set(measured), []
    while (index := next_commit(number, done, skipped, ())) is not None:
        found.append(index)
        done.add(index)
    assert sorted([*found, *measured, *skipped]) == list(range(number))


@given(st.integers(2, 200))
def test_half_of_the_work_leaves_no_gap_wider_than_twice_the_mean(number: int) -> None:
    """So that a step is a range of few commits, wherever the budget ended."""
    half = sorted([-1, *_order(number, set())[: number // 2], number])
    widest = max(b - a for a, b in pairwise(half))
    assert widest <= 2 * -(-number // max(1, number // 2)) + 1
