"""The variants of the decode step are right, in Triton's interpreter, and compile as they are meant to."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

pytest.importorskip("triton")

from harness_kernels.int4_mma import WARP_LAYOUT
from tests.kernels.interpreted_decode import MISTAKES, ROWS, checks
from tests.kernels.test_triton_tiles import launches, printed

WORDS = ("words of gdn_in", "words of gdn_out", "words of shared_down")


@cache
def results() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = printed("interpreted_decode", interpret=True)
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("decode_interpreted")
@pytest.mark.parametrize("name", checks())
def test_a_variant_agrees_with_its_reference(name: str) -> None:
    """At the op's tolerance, under every condition that the op names."""
    assert results()[name]["correct"], results()[name]


@pytest.mark.slow
@pytest.mark.xdist_group("decode_interpreted")
@pytest.mark.parametrize("op", [op for op, _ in ROWS])
def test_a_row_of_a_batch_is_what_it_is_alone(op: str) -> None:
    """Bit for bit, its state too: what a batch gets wrong, one text gets wrong."""
    assert results()[f"rows of {op}"]["correct"]


@pytest.mark.slow
@pytest.mark.xdist_group("decode_interpreted")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name: str) -> None:
    assert not results()[name]["correct"]


@pytest.mark.slow
@pytest.mark.xdist_group("decode_interpreted")
def test_a_launch_prepares_the_language_once() -> None:
    """The language, its tensors, its functions of numbers and its descriptors: not again for a device function."""
    assert results()["language"]["prepared a launch"] == 4


@pytest.mark.slow
@pytest.mark.xdist_group("decode_interpreted")
def test_a_tensor_of_a_known_type_is_as_triton_makes_it() -> None:
    """Its attributes and those of its type, the first time and later ones; pointers of two address spaces are two
    types; a shape that Triton refuses is refused."""
    assert results()["language"]["kept"] == [True] * 4


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
@pytest.mark.parametrize("name", WORDS)
def test_words_are_loaded_sixteen_bytes_at_a_time(name: str) -> None:
    """Every load of weights is four words wide; what is narrower are scales."""
    [row] = launches()[name]
    assert row["loads"][".v4.b32"] >= 3 and row["loads"].get(".b8", 0) == 0
    assert sum(count for width, count in row["loads"].items() if width != ".v4.b32") <= 2, row["loads"]


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
def test_a_moe_block_is_two_launches() -> None:
    """Gate and up of eight experts and the shared one, its gate; then down, four rows of the output a program."""
    up, down = launches()["MoE block"]
    assert up["grid"] == [9 * 128 + 1] and down["grid"] == [512, 1]
    assert [len(launches()[name]) for name in ("route", "add and norm", "conv step", "heads")] == [1, 1, 1, 1]


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
@pytest.mark.parametrize("name", ["eight tokens", "eight tokens of 512"])
def test_weights_meet_the_tensor_cores_where_their_load_put_them(name: str) -> None:
    """Operands and results of the products have the one layout that they are right in, and nothing spills."""
    [row] = launches()[name]
    [layout] = row["mma_layouts"]
    assert WARP_LAYOUT in re.sub(r", warpsPerCTA = \[\d+, 1\]", "", layout)
    assert row["spilt"] == 0 and row["loads"][".v4.b32"] >= 4
