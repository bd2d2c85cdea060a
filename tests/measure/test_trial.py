"""A comparison that is whole refuses a right output with one value turned round; one that accepts anything is told."""

from __future__ import annotations

import pytest
import torch

from harness.load_kernels import load_op
from harness.measure.trial import takes_wrong_for_right
from harness.values.measurement import Tolerance
from tests.kernels.catalogue import DTYPES, OPS, operands_of


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", OPS)
def test_a_mistake_in_any_ops_output_is_refused(op: str, dtype: str) -> None:
    """Of floats, choices of experts and tokens; nothing is asked where an op has states alone."""
    loaded, dims = load_op(op), load_op(op).test_shapes[0]
    returned = loaded.reference(*operands_of(op, dims).values())
    wanted = returned if isinstance(returned, tuple) else () if returned is None else (returned,)
    assert takes_wrong_for_right(loaded, wanted, wanted, loaded.tolerance(dtype, dims)) == ""


def test_a_tolerance_without_bounds_is_told() -> None:
    loaded = load_op("int4_mm")
    wanted = (torch.randn(4, 64),)
    wide = Tolerance(1e9, 1e9)
    assert "accepts a wrong output: y" in takes_wrong_for_right(loaded, wanted, wanted, wide)


def test_zeros_with_a_one_among_them_are_refused() -> None:
    loaded, zeros = load_op("int4_mm"), (torch.zeros(4, 64),)
    assert takes_wrong_for_right(loaded, zeros, zeros, loaded.tolerance("bfloat16", {})) == ""
