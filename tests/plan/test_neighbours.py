"""The configurations beside one: one tunable, one step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.plan.neighbours import neighbours
from harness.values.suite import SweepSpace

SPACE = SweepSpace("op", "variant", {"block": (8, 16, 32), "warps": (1, 2, 4)}, ("warps * 8 <= block",))


def test_one_step_in_each_direction_where_the_conditions_hold() -> None:
    found = list(neighbours(SPACE, {"block": 16, "warps": 2, "flag": True}, {}))
    assert found == [{"block": 32, "warps": 2, "flag": True}, {"block": 16, "warps": 1, "flag": True}]


def test_a_value_outside_of_the_space_has_no_neighbours() -> None:
    assert list(neighbours(SPACE, {"block": 24, "warps": 1}, {})) == [{"block": 24, "warps": 2}]


@given(block=st.sampled_from([8, 16, 32]), warps=st.sampled_from([1, 2, 4]))
def test_to_be_a_neighbour_is_mutual(block: int, warps: int) -> None:
    own = {"block": block, "warps": warps}
    if warps * 8 <= block:
        assert all(own in list(neighbours(SPACE, beside, {})) for beside in neighbours(SPACE, own, {}))
