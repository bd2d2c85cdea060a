"""Storage formats of weights: the nearest level of each block, and what the bits mean by torch's own types."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import kernels_root

quantised = kernels_root.module("quantised")

BLOCKS = {"channel": None, "group": (1, 32), "block": (16, 64)}
HALF_STEP = {"int4": 0.5 / 7, "int8": 0.5 / 127, "float8_e4m3fn": 2.0**-4, "float8_e5m2": 2.0**-3}


def drawn(seed: int, size: float = 1.0) -> torch.Tensor:
    return size * torch.randn(32, 128, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), exponent=st.integers(-20, 20), block=st.sampled_from(sorted(BLOCKS)))
@pytest.mark.parametrize("form", sorted(HALF_STEP))
def test_each_value_is_off_by_half_a_step_at_most(form: str, seed: int, exponent: int, block: str) -> None:
    """Of its block's largest value, whatever the size of the weights."""
    weight = drawn(seed, 2.0**exponent)
    storage, scale = quantised.quantise(weight, form, BLOCKS[block])
    rows, columns = BLOCKS[block] or (1, 128)
    assert scale.shape == (32 // rows, 128 // columns) and storage.shape == (32, 64 if form == "int4" else 128)
    back = quantised.dequantise(storage, scale, form)
    largest = weight.view(32 // rows, rows, -1, columns).abs().amax((1, 3))
    largest = largest.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    limit = weight.abs() if form.startswith("float8") else largest
    smallest = largest * 2.0**-14 if form.startswith("float8") else 0  # below are denormals
    assert ((back - weight).abs() <= HALF_STEP[form] * limit * (1 + 1e-5) + smallest).all()


@pytest.mark.parametrize("form", ["mxfp4", "nvfp4"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_four_bit_floats_are_the_nearest_levels(form: str, seed: int) -> None:
    """Against every level; a scale of mxfp4 is a power of two by which the largest value lies in 4..8."""
    weight = drawn(seed)
    storage, scale = quantised.quantise(weight, form)
    columns = quantised.FOUR_BITS[form]
    assert scale.shape == (32, 128 // columns) and storage.dtype is torch.uint8
    factor = (torch.exp2(scale.float() - 127) if form == "mxfp4" else scale.float()).repeat_interleave(columns, 1)
    levels = torch.tensor([*quantised.E2M1, *(-level for level in quantised.E2M1)])
    nearest = (weight / factor)[..., None].sub(levels).abs().amin(-1)
    back = quantised.dequantise(storage, scale, form) / factor
    torch.testing.assert_close((back - weight / factor).abs(), nearest, rtol=0, atol=1e-5)
    if form == "mxfp4":
        blocks = (weight / factor).view(32, -1, columns).abs().amax(-1)
        assert ((blocks >= 4) & (blocks < 8)).all()


def test_scales_are_what_torchs_own_types_say() -> None:
    """e8m0 and e4m3 as torch reads the same bytes."""
    _, scale = quantised.quantise(drawn(0), "mxfp4")
    torch.testing.assert_close(scale.view(torch.float8_e8m0fnu).float(), torch.exp2(scale.float() - 127))
    assert quantised.quantise(drawn(0), "nvfp4")[1].dtype is torch.float8_e4m3fn


def test_ties_go_to_the_even_code_and_zero_stays_zero() -> None:
    ties = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -5.0, 9.0, -0.1])
    assert quantised._e2m1(ties).tolist() == [0, 2, 2, 4, 4, 6, 6, 14, 7, 8]
    for form in quantised.FORMATS:
        storage, scale = quantised.quantise(torch.zeros(32, 128), form)
        assert not quantised.dequantise(storage, scale, form).any(), form


@pytest.mark.parametrize(
    ("form", "block", "said"),
    [
        ("int3", None, "no format int3; allowed: int4, int8"),
        ("int8", (3, 128), "blocks of 3 x 128 do not fit 32 x 128"),
        ("mxfp4", (1, 16), r"its block is \(1, 32\)"),
    ],
)
def test_what_does_not_fit_is_said(form: str, block: tuple[int, int] | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        quantised.quantise(drawn(0), form, block)
