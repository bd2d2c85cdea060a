"""The int4 format: what is packed comes back, and the bytes mean the same to every reader."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_kernels.int4_words import joined
from harness_kernels.packing import dequantise, pack, quantise, unpack

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.sampled_from([2, 8, 32, 128]))
SEEDS = st.integers(0, 2**32 - 1)
FAST = settings(max_examples=40, deadline=None)


def nibbles(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(16, shape, generator=generator).to(torch.uint8)


@FAST
@given(shape=SHAPES, seed=SEEDS)
def test_packed_nibbles_come_back(shape: tuple[int, int, int, int], seed: int) -> None:
    experts, rows, groups, group = shape
    levels = nibbles(seed, experts, rows, groups * group)
    packed = pack(levels)
    assert packed.dtype == torch.uint8 and packed.shape == (experts, rows, groups * group // 2)
    assert torch.equal(unpack(packed), levels)


@FAST
@given(rows=st.integers(1, 4), words=st.integers(1, 9), seed=SEEDS)
def test_an_int32_word_holds_eight_consecutive_k_in_order(rows: int, words: int, seed: int) -> None:
    """Nibble j of word w, counted from the least significant bit, is k = 8 w + j."""
    levels = nibbles(seed, rows, 8 * words)
    read = pack(levels).view(torch.int32).numpy().view(np.uint32)
    for j in range(8):
        assert np.array_equal((read >> (4 * j)) & 15, levels[:, j::8].numpy())


def test_even_k_is_the_low_nibble() -> None:
    assert pack(torch.tensor([0x1, 0x2, 0xE, 0xF], dtype=torch.uint8)).tolist() == [0x21, 0xFE]


@FAST
@given(shape=SHAPES, seed=SEEDS, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_a_weight_comes_back_within_half_a_step(
    shape: tuple[int, int, int, int], seed: int, dtype: torch.dtype
) -> None:
    """The error is at most half the group's scale; a scale rounded down to bfloat16 adds what 7 steps then miss."""
    experts, rows, groups, group = shape
    weight = torch.randn(experts, rows, groups * group, generator=torch.Generator().manual_seed(seed))
    packed, scale = quantise(weight, group, dtype)
    assert scale.dtype == dtype and scale.shape == (experts, rows, groups)
    step = scale.float().repeat_interleave(group, -1)
    error = (dequantise(packed, scale, group) - weight).abs()
    assert bool((error <= step * 0.5001).all())


@FAST
@given(seed=SEEDS, group=st.sampled_from([2, 32, 128]), dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_what_was_quantised_once_is_quantised_without_loss(seed: int, group: int, dtype: torch.dtype) -> None:
    """Levels -7..7 with a 7 in each group are a fixed point: the same bytes and scales come out again."""
    levels = nibbles(seed, 3, 2 * group).clamp(1, 15)
    levels[:, ::group] = 15
    scale = torch.rand(3, 2, generator=torch.Generator().manual_seed(seed)).add(0.5).to(dtype)
    packed, found = quantise(dequantise(pack(levels), scale, group), group, dtype)
    assert torch.equal(packed, pack(levels))
    torch.testing.assert_close(found, scale, rtol=2e-7, atol=0)  # 7 s / 7 may be a unit of float32 away from s


def test_levels_saturate_and_both_signs_reach_equally_far() -> None:
    """A scale that bfloat16 rounds down would ask for 7.03 steps; the level stays 7, and -8 is never used."""
    weight = torch.tensor([[7.02, -7.02, 1.0, -1.0], [1000.0, -1000.0, 0.0, 1e-9]])
    packed, scale = quantise(weight, 4, torch.bfloat16)
    assert scale.flatten().tolist() == [1.0, 143.0]
    assert unpack(packed).tolist() == [[15, 1, 9, 7], [15, 1, 8, 8]]


def test_a_group_of_zeros_is_zeros_again() -> None:
    packed, scale = quantise(torch.zeros(2, 64), 32)
    assert bool((unpack(packed) == 8).all()) and not bool(scale.any())
    assert not bool(dequantise(packed, scale, 32).any())


def test_the_groups_of_a_matrix_do_not_depend_on_the_piece_it_comes_in() -> None:
    """Experts and rows may be packed piece by piece."""
    weight = torch.randn(4, 6, 64, generator=torch.Generator().manual_seed(3))
    packed, scale = quantise(weight, 32, torch.bfloat16)
    pieces = [quantise(part, 32, torch.bfloat16) for part in weight.split(1)]
    assert torch.equal(packed, torch.cat([piece for piece, _ in pieces]))
    assert torch.equal(scale, torch.cat([piece for _, piece in pieces]))


def test_the_weight_itself_is_not_changed() -> None:
    weight = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    before = weight.clone()
    quantise(weight, 32)
    assert torch.equal(weight, before)


@pytest.mark.parametrize(("size", "group"), [(48, 32), (9, 3)])
def test_groups_that_do_not_fit_are_refused(size: int, group: int) -> None:
    with pytest.raises(ValueError, match=f"K = {size}"):
        quantise(torch.zeros(1, size), group)


@pytest.mark.parametrize("start", [0, 1, 2, 4])
def test_neighbours_are_joined_wherever_they_start(start: int) -> None:
    values = torch.arange(40, dtype=torch.bfloat16)[start : start + 32].view(2, 16)
    for dtype in (torch.int32, torch.int64):
        wide = joined(values, dtype)
        assert wide.shape == (2, 32 // dtype.itemsize) and torch.equal(wide.view(torch.bfloat16), values)
        assert torch.equal(joined(values.T.contiguous().T, dtype), wide), "of another order in memory"
    assert joined(values, torch.int32).data_ptr() == values.data_ptr() or start % 2, "no copy where none is needed"


@pytest.mark.parametrize("stride", [17, 18, 20])
def test_neighbours_of_a_single_row_are_joined_whatever_its_stride(stride: int) -> None:
    """One row cut from a wider matrix counts as contiguous, with the matrix's stride."""
    row = torch.arange(stride, dtype=torch.bfloat16).view(1, stride)[:, :16]
    assert row.is_contiguous() and row.stride(0) == stride
    for dtype in (torch.int32, torch.int64):
        wide = joined(row, dtype)
        assert wide.shape == (1, 32 // dtype.itemsize) and torch.equal(wide.view(torch.bfloat16), row)
    assert joined(row[:0], torch.int64).shape == (0, 4), "no row at all"
