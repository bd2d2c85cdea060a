"""No kernel of a decode step reads what the one before still writes, however early it starts."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

pytest.importorskip("triton")

from tests.kernels.early_starts import BATCHES, PLANTED
from tests.kernels.test_triton_tiles import printed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("early_starts")]

WEIGHTS = {
    "weight", "scale", "shared_weight", "shared_scale", "a_log", "dt_bias", "router", "gate", "norm_weight",
    "conv_weight", "q_weight", "k_weight", "cosines", "sines",
}  # fmt: skip
COMPOSED = 12
"""Kernels of the composites' arm that the other has not: three each of a delta layer and the experts, four of an
attention layer, two of the choice."""
PRODUCTS = {"attention_in_tile_kernel": 8 * 8 + 8, "attention_out_tile_kernel": 4 * 8 + 8}
"""Products of tensor cores of a warp with 8 groups and with 4."""
OLDER = {
    "down_kernel": {"expert_ids", "expert_weights"},  # of the router: the kernel before is `gate_up_kernel`
    "sdpa_split_kernel": {"positions"},  # counted up at the end of a step
    "sdpa_combine_kernel": {"positions"},
    "heads_kernel": {"positions"},
    "moe_layer_down_kernel": {"scores"},  # the kernel before is `moe_layer_up_kernel`
    "gated_delta_in_kernel": {"window"},
    "attention_split_kernel": {"positions", "k_cache", "v_cache", "capacity"},  # older slots, at a multiple of the last
    "attention_combine_kernel": {"positions"},
    "gated_delta_rule_kernel": {"state"},
    "recurrent_kernel": {"state"},  # of a layer's last step
}
"""By kernel, what it reads early that is no weight: written by a kernel before the one before it."""


@cache
def launches() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = printed("early_starts", "90", interpret=False)
    return found


def early() -> list[dict[str, Any]]:
    return [row for place, rows in launches().items() if place != PLANTED for row in rows if row["early"]]


def test_only_weights_and_what_is_older_is_read_before_the_wait() -> None:
    """In the binary's own PTX, on every way to the wait, at batch 1 and 8. Nothing is written there."""
    assert len(early()) == len(BATCHES) * 18 + COMPOSED  # all of the arm but the first norm
    for row in early():
        assert set(row["reads"]) <= WEIGHTS | OLDER.get(row["kernel"], set()), row
        assert row["stores"] == 0, row


def test_what_may_be_read_early_is() -> None:
    """Else an early start would bring nothing: the matrices, and all that is listed as older."""
    for row in early():
        older = OLDER.get(row["kernel"], set())
        assert older <= set(row["reads"])
        if row["kernel"] in ("words_kernel", "down_kernel", "route_kernel"):
            assert "weight" in row["reads"], row


def test_the_assembly_of_a_tile_is_in_its_kernel_once() -> None:
    """Two products for each word of a lane's two rows and for its zero point. Twice as many would mean that threads
    have two elements each, which the assembly takes for those of other lanes."""
    found = {row["kernel"]: row["products"] for row in early() if row["kernel"] in PRODUCTS}
    assert found == PRODUCTS


def test_a_wait_behind_the_loads_is_seen() -> None:
    (row,) = launches()[PLANTED]
    assert {"x", "gate"} <= set(row["reads"])


def test_no_kernel_of_the_arm_spills() -> None:
    """With the arm's own tunables, not the defaults."""
    assert all(row["spilt"] == 0 for rows in launches().values() for row in rows)
