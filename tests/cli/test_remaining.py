"""A remaining time is told once enough is done, and follows the present rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.remaining import LEAST_SHARE, Remaining, duration_words


def test_the_first_per_cent_promises_nothing() -> None:
    """Eight slow first parts of 864 are no 4,156 s."""
    remaining = Remaining()
    for done in range(9):
        assert remaining.words("sweep", done, 864, 4.8 * done) == ""


def test_the_estimate_follows_the_rate_of_late() -> None:
    """Slow parts at the start are forgotten: after 30 s of 10 parts a second, 500 parts are 50 s."""
    remaining, now_s = Remaining(), 0.0
    for done in range(1001):
        now_s += 5.0 if done < 20 else 0.1
        said = remaining.words("sweep", done, 1500, now_s)
    assert said == ", 10/s, 50 s left"
    assert remaining.words("sweep", 1500, 1500, now_s + 50) == ""


def test_a_step_begins_anew_and_what_was_known_does_not_count() -> None:
    """800 of 864 stored configurations are no rate."""
    remaining = Remaining()
    remaining.words("one", 0, 10, 0.0)
    assert remaining.words("two", 800, 864, 100.0) == "" == remaining.words("two", 803, 864, 105.0)
    assert remaining.words("two", 810, 864, 110.0) == ", 1/s, 54 s left"


@given(st.integers(1, 2000), st.floats(0.01, 100))
def test_a_steady_step_is_estimated_to_a_tenth(of: int, each_s: float) -> None:
    remaining = Remaining()
    for done in range(of):
        said = remaining.words("step", done, of, done * each_s)
        if done < LEAST_SHARE * of or done < 5 or done * each_s < 3:
            assert said == ""
            continue
        exact_s = (of - done) * each_s
        near = {duration_words(exact_s * (1 + error)) for error in (-1e-6, 0, 1e-6)}  # on the edge of a rounding
        assert any(said.endswith(f", {words} left") for words in near)


@pytest.mark.parametrize(
    ("left_s", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min"), (67, "1 min 10 s"), (3599, "60 min"), (5100, "1 h 25 min")],
)
def test_durations_are_as_coarse_as_they_are_sure(left_s: float, words: str) -> None:
    assert duration_words(left_s) == words
