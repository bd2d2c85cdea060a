"""The order of the pairs is drawn so that they can be judged, and is the same when it is asked again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.compare.order import Orders, tells

seeds = st.integers(0, 2**31 - 1)


@given(seeds)
def test_the_first_four_pairs_have_both_orders_and_do_not_alternate(seed: int) -> None:
    orders = Orders(seed)
    first = [orders.head_first("kernels", pair) for pair in range(4)]
    assert 0 < sum(first) < 4 and first not in ([True, False] * 2, [False, True] * 2)
    assert all(tells(first + [orders.head_first("kernels", pair) for pair in range(4, n)]) for n in (6, 8, 12, 16, 24))


@given(seeds)
def test_a_pair_that_is_repeated_keeps_its_order(seed: int) -> None:
    """Asked in any way: a repeated pair, and one stage or two of a pair."""
    forwards, backwards = Orders(seed), Orders(seed)
    asked = [(stage, pair) for pair in range(24) for stage in ("kernels", "decode")]
    there = {key: forwards.head_first(*key) for key in asked}
    assert {key: backwards.head_first(*key) for key in reversed(asked)} == there
    assert {key: forwards.head_first(*key) for key in asked} == there


@given(seeds, st.sampled_from([2, 4, 6, 8]))
def test_in_a_calibration_either_side_is_first_in_half_of_the_pairs(seed: int, pairs: int) -> None:
    orders = Orders(seed, pairs)
    drawn = [orders.head_first("kernels", pair) for pair in range(pairs)]
    assert sum(drawn) == pairs / 2 and (pairs < 4 or tells(drawn))


def test_stages_and_seeds_have_orders_of_their_own() -> None:
    def drawn(seed: int, stage: str) -> list[bool]:
        orders = Orders(seed)
        return [orders.head_first(stage, pair) for pair in range(24)]

    assert drawn(1, "kernels") != drawn(1, "decode") != drawn(2, "decode")
