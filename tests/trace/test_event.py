"""Times keep every nanosecond, in the three forms that torch wrote them in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.trace.event import BEYOND_NS, all_nanoseconds, nanoseconds, whole_number


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        (b"1700000000123456", 1700000000123456000),
        (b"1713456789012345.678", 1713456789012345678),
        (b"1234567890123.4", 1234567890123400),
        (b"4515377606141.173", 4515377606141173),
        (b"0.001", 1),
        (b"12", 12000),
        (b"-1.5", -1500),
        (b"-0.250", -250),
        (b"1e3", 1000000),
        (b"1.5e3", 1500000),
        (b'"7.125"', 7125),
        (b"0.0005", 0),
        (b"1.1235", 1124),
    ],
)
def test_a_time_is_exact_in_every_form(text: bytes, ns: int) -> None:
    """A float would be off by up to 250 ns at the size of an epoch time."""
    assert nanoseconds(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"inf",
        b"NaN",
        b"x",
        b"null",
        b"1.2.345",
        b"true",
        b'"a.123"',
        b"\xff.123",
        b"9" * 5000 + b".5",
        b"0." + b"1" * 500,
    ],
)
def test_what_is_no_finite_number_is_no_time(text: bytes) -> None:
    """It is refused, never read as 0."""
    with pytest.raises(ValueError, match="is no time"):
        nanoseconds(text)


WITH_DECIMALS = st.from_regex(rb"[0-9]{1,16}\.[0-9]{3}", fullmatch=True)
OF_PYTHON = st.from_regex(rb"[0-9]{1,16}\.[0-9]{1,3}", fullmatch=True)
WHOLE = st.from_regex(rb"[0-9]{1,16}", fullmatch=True)
STRANGE = st.sampled_from(
    [
        *(b"", b"1.2.345", b".125", b".5", b"1.", b"1.1235", b"-0.250", b"1.5e3", b"null", b"1 2"),
        *(b'"7.125"', b'"1.000 2.000"', b"9" * 5000, b"9" * 5000 + b".125", b"9" * 100 + b".125"),
    ]
)


@given(
    st.one_of(
        st.lists(WITH_DECIMALS, max_size=5),
        st.lists(OF_PYTHON, max_size=5),
        st.lists(WHOLE, max_size=5),
        st.lists(st.one_of(WITH_DECIMALS, OF_PYTHON, WHOLE, STRANGE), max_size=5),
    )
)
def test_many_times_are_what_each_is_alone(texts: list[bytes]) -> None:
    """Those that are written alike are read as one text: nothing of one gets into another."""

    def alone(text: bytes) -> int | None:
        try:
            return nanoseconds(text)
        except ValueError:
            return None

    assert all_nanoseconds([msgspec.Raw(text) for text in texts]) == [alone(text) for text in texts]


@pytest.mark.parametrize("text", [b"1e999000", b"5001e1000000", b"-1e999000", b"1e30", b'"1e300"'])
def test_a_number_beyond_every_time_costs_nothing(text: bytes) -> None:
    """It would have a million digits."""
    assert abs(nanoseconds(text)) == BEYOND_NS


@given(st.integers(0, 10**19), st.booleans())
def test_any_nanosecond_survives_the_text(value: int, trailing_zeros: bool) -> None:
    """With the zeros at the end that json.dump drops, or without."""
    text = f"{value // 1000}.{value % 1000:03d}"
    assert nanoseconds((text if trailing_zeros else text.rstrip("0").rstrip(".")).encode()) == value


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), (7.0, 7), ("7", 7), ("7.0", 7), ("-7", -7), (7.5, None), ("7.5", None), ("0x1f", None), (None, None),
     ("9" * 10_000, None), (float("inf"), None), ("1e9", None), (["7"], None)],
)  # fmt: skip
def test_a_whole_number_is_one_however_it_was_written(value: object, number: int | None) -> None:
    """pandas writes ids as floats; a number of absurd length costs nothing."""
    assert whole_number(value) == number
