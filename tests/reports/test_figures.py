"""Numbers and names as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness_reports.figures as figures
from harness.values.case import Implementation
from harness.values.estimate import Estimate, Ratio


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 0.95, 5, "process")


def ratio(value: float, low: float, high: float) -> Ratio:
    return Ratio(value, low, high, 0.95, 5, "process")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.5123, "0.512"),
        (46.31, "46.3"),
        (9.996, "10.0"),
        (99.96, "100"),
        (2560.4, "2,560"),
        (-14.2, "-14.2"),
    ],
)
def test_three_significant_digits_and_no_exponent(value: float, shown: str) -> None:
    assert figures.number(value) == shown


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [
        (46.31, 0.33, "46.3 ± 0.3"),
        (17.12, 0.14, "17.12 ± 0.14"),
        (1462, 9, "1,462 ± 9"),
        (1462, 13, "1,462 ± 13"),
        (0.51, 0.0042, "0.510 ± 0.004"),
        (3.0, 0.0, "3.00 (n 5)"),
    ],
)
def test_the_interval_decides_the_decimals(value: float, half: float, shown: str) -> None:
    assert figures.plus_minus(estimate(value, half)) == shown


@given(st.floats(1e-3, 1e6), st.floats(1e-4, 0.3))
def test_rounding_changes_an_interval_by_a_quarter_at_most(value: float, share: float) -> None:
    """One digit from 2 on, two where the first is 1."""
    half = value * share
    written = figures.plus_minus(estimate(value, half)).partition(" ± ")[2].replace(",", "")
    assert float(written) == pytest.approx(half, rel=0.251)


def test_a_ratio_is_told_in_the_direction_of_its_words() -> None:
    """Half the time is twice as fast, and its interval is of the factor that is named."""
    assert figures.ratio_full(ratio(0.5, 0.49, 0.52)) == "2.00x faster [1.92, 2.04]"
    assert figures.ratio_full(ratio(1.144, 1.138, 1.151)) == "1.144x slower [1.138, 1.151]"


@given(st.floats(0.001, 500), st.floats(1e-5, 0.6), st.floats(1e-5, 0.6))
def test_a_ratio_lies_in_its_interval_as_it_is_shown(value: float, below: float, above: float) -> None:
    """And no end of it is shown as far off as a third of the interval."""
    found = ratio(value, value * (1 - below), value * (1 + above))
    shown = float(found.words.partition("x ")[0].replace(",", ""))
    low, high = (float(end.replace(",", "")) for end in found.interval.strip("[]").split(", "))
    assert low <= shown <= high
    ends = (found.low, found.high) if value > 1 else (1 / found.high, 1 / found.low)
    assert (low, high) == pytest.approx(ends, abs=max((ends[1] - ends[0]) / 3, 0.0005001))


def test_an_interval_around_one_is_no_difference() -> None:
    assert figures.ratio_words(ratio(1.001, 0.997, 1.004)) == "no difference seen"
    assert figures.ratio_full(ratio(1.001, 0.997, 1.004)) == "no difference seen (1.001x slower [0.997, 1.004])"


def test_units_of_memory_and_bandwidth() -> None:
    """GiB are 2^30 bytes, TB/s 1e12."""
    assert figures.gib(21_260_000_000) == "19.8"
    assert figures.bandwidth(3001) == "3.00 TB/s"
    assert figures.bandwidth(41.25) == "41.2 GB/s"


def test_a_share_that_is_not_zero_is_not_shown_as_zero() -> None:
    assert [figures.percent(share) for share in (0.0, 0.0001, 0.0006)] == ["0.0 %", "<0.1 %", "0.1 %"]


def test_shares_have_a_decimal_below_ten_percent() -> None:
    assert [figures.percent(share) for share in (0.547, 0.0949, 0.002, None)] == ["55 %", "9.5 %", "0.2 %", "-"]


def test_published_tunables_are_short_and_others_are_named() -> None:
    answer = Implementation(
        "triton_vecmat", {"block_n": 8, "block_k": 256, "num_warps": 2, "num_stages": 4, "split": 3}
    )
    assert figures.config_words(answer) == "triton_vecmat 8,256 w2 s4 split=3"
    assert figures.config_words(Implementation("torch_blocked", {"block_n": 16})) == "torch_blocked block_n=16"


def test_axes_are_said_as_people_say_them() -> None:
    assert figures.axes_words({"tokens": 1}, "kernel") == "1 token"
    assert (
        figures.axes_words({"tokens": 4, "context": 1024, "routing": "skewed"}, "kernel")
        == "4 tokens, context 1,024, skewed routing"
    )
    assert figures.axes_words({"batch": 8, "context": 1024, "new_tokens": 256}, "decode") == "batch 8, context 1,024"


@given(st.text(max_size=400))
def test_a_clean_name_is_one_short_line_without_control_characters(text: str) -> None:
    shown = figures.clean(text)
    assert len(shown) <= figures.NAME_LIMIT
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable() or all(c.isprintable() or c == "\ufffd" or ord(c) > 0x7F for c in shown)
    assert not {"\x1b", "\u202e", "\x00", "\u200b"} & set(shown)


def test_a_long_name_keeps_both_ends() -> None:
    shown = figures.clean("begin" + "x" * 10_000 + "end")
    assert shown.startswith("begin") and shown.endswith("end") and "…" in shown
