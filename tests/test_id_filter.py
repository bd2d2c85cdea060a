"""The filter `-k` says which ids are meant, and a filter that means none is an error that helps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.id_filter import matches, select

IDS = [
    "moe_gate_up@experts/int4-g64/float32/baseline",
    "moe_down@experts/int4-g64/float32/baseline",
    "decode@eager/x/context=64/b",
]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, IDS), ("", IDS), ("moe", IDS[:2]), ("MOE_DOWN", IDS[1:2]), ("gate_up, decode", [IDS[0], IDS[2]]),
        ("moe_*/baseline", IDS[:2]), ("moe_*", IDS[:2]), ("*@eager*", IDS[2:]),
        ("context=64", IDS[2:]), ("decode,,", IDS[2:]),
    ],
)  # fmt: skip
def test_parts_are_substrings_or_patterns(text: str | None, meant: list[str]) -> None:
    """Case does not count, a comma means or, `*` makes a part a pattern for the whole id."""
    assert select(text, IDS) == meant


def test_a_filter_that_means_nothing_names_ids_near_it() -> None:
    """One line with the nearest ids, and how many there are."""
    with pytest.raises(HarnessError, match=r"-k moe_dwon: no id contains this; near: moe_down@experts.*\(3 in all\)"):
        select("moe_dwon", IDS)
    with pytest.raises(HarnessError, match="there are no ids"):
        select("x", [])


@given(st.lists(st.text("ab/@=", min_size=1, max_size=5), unique=True), st.text("ab/@=", min_size=1, max_size=3))
def test_a_plain_part_is_found_wherever_it_stands(ids: list[str], text: str) -> None:
    """Exactly the ids that contain it, in their order."""
    wanted = [identifier for identifier in ids if text in identifier]
    assert [identifier for identifier in ids if matches(text, identifier)] == wanted
