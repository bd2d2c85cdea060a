"""A time below which bytes cannot have come from memory is no speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.physics import Traffic, impossible, least_us

MIB = 1 << 20


def test_bytes_beyond_the_cache_take_their_time() -> None:
    """32 calls of 100 MiB through a cache of 50 MiB at 4,000 GB/s, read at most 15 % faster than measured."""
    least = least_us(Traffic(100 * MIB, 3200 * MIB, 32), 50 * MIB, 4000, gpu=True)
    assert least == pytest.approx((3200 - 50) * MIB / 32 / 4600e3)


def test_what_may_lie_in_the_cache_has_no_bound() -> None:
    assert least_us(Traffic(MIB, 32 * MIB, 32), 50 * MIB, 4000, gpu=True) == 0


def test_weights_that_several_calls_share_are_read_once() -> None:
    shared = least_us(Traffic(100 * MIB, 200 * MIB, 32), 50 * MIB, 4000, gpu=True)
    assert shared == pytest.approx(150 * MIB / 32 / 4600e3)


@given(
    st.integers(1, 10**9), st.integers(1, 64), st.integers(0, 10**9), st.floats(1, 10_000),
    st.floats(1, 1.149),
)  # fmt: skip
def test_no_honest_reader_is_called_impossible(
    read_bytes: int, calls: int, cache_bytes: int, read_gb_s: float, luck: float
) -> None:
    """A kernel that finds as much in the cache as fits, and reads the rest up to 15 % faster than was measured."""
    traffic = Traffic(read_bytes, read_bytes * calls, calls)
    honest_us = max(0, read_bytes * calls - cache_bytes) / calls / (read_gb_s * luck) / 1e3
    assert not impossible(max(honest_us, 1e-9), traffic, cache_bytes, read_gb_s, gpu=True)


def test_five_times_the_bandwidth_is_said_with_the_bytes_and_the_bound() -> None:
    words = impossible(5.0, Traffic(100 * MIB, 3200 * MIB, 32), 0, 4000, gpu=True)
    assert words.startswith("5 us is faster than physics: 105 MB per call") and "22.8 us at 4,600 GB/s" in words
