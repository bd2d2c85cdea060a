"""A tolerance follows the condition of the operands: no wider than rounding needs, never narrower than the op's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.load_kernels import load_op
from harness.measure.conditioning import allowed_under, condition
from harness.measure.expected import reference_of
from harness.values.measurement import Tolerance
from tests.kernels.catalogue import operands_of

FINE, COARSE = Tolerance(1e-5, 5e-6), Tolerance(0.015, 0.008)
SHAPE = {"batch": 1, "length": 1, "heads": 4, "kv_heads": 2, "head_dim": 16, "context": 90, "capacity": 128}
ROUNDING = 2.0**-24


def exponential(operands: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """Its relative condition is |x|."""
    return (torch.exp(operands["x"].double()),)


@pytest.mark.parametrize("size", [0.5, 8.0, 64.0, 300.0])
def test_the_condition_of_an_exponential_is_its_argument(size: float) -> None:
    assert condition(exponential, {"x": torch.full((1000,), size)}) == pytest.approx(size, rel=0.02)


def test_a_product_and_a_copy_have_a_condition_of_about_one() -> None:
    x = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    assert condition(lambda given: (given["x"],), {"x": x}) == pytest.approx(1, rel=0.01)
    assert 0.9 < condition(lambda given: (given["x"] @ given["x"],), {"x": x}) < 2


def test_a_tolerance_grows_with_the_condition_between_its_own_and_that_of_bfloat16() -> None:
    small, large = {"x": torch.full((100,), 1.0)}, {"x": torch.full((100,), 50.0)}
    assert allowed_under(exponential, large, small, FINE, COARSE) == FINE
    grown = allowed_under(exponential, small, large, FINE, COARSE)
    assert grown.rms_error == pytest.approx(50 * FINE.rms_error, rel=0.05)
    assert allowed_under(exponential, {"x": torch.full((100,), 1e-3)}, large, FINE, COARSE) == COARSE


@pytest.mark.parametrize("factor", [1, 10, 100, 1000])
def test_two_orders_of_summing_agree_within_it_at_logits_of_any_size(factor: float) -> None:
    """Attention in float64 against itself with every score off by the rounding of its sum, the worst that float32 may
    do: u x head_dim x the sum of the products' sizes. What sees the wrong slot is far outside."""
    op = load_op("sdpa")
    random = operands_of("sdpa", SHAPE)
    changed = {**random, "q": random["q"] * factor}
    allowed = allowed_under(lambda given: reference_of(op, given), random, changed, FINE, COARSE)
    q, k, v = (changed[name].double() for name in ("q", "k_cache", "v_cache"))
    q, k, v = q[0, 0], k[0, :, :91].repeat_interleave(2, 0), v[0, :, :91].repeat_interleave(2, 0)
    scores = torch.einsum("hd,hnd->hn", q, k) / 4
    sizes = torch.einsum("hd,hnd->hn", q.abs(), k.abs()) / 4
    sign = torch.randint(2, scores.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    rounded = scores + ROUNDING * 16 * sizes * sign
    exact, off = (torch.einsum("hn,hnd->hd", torch.softmax(s, -1), v) for s in (scores, rounded))
    missed = torch.einsum("hn,hnd->hd", torch.softmax(scores, -1), v.roll(1, 1))
    size = exact.square().mean().sqrt()
    assert (off - exact).square().mean().sqrt() / size <= allowed.rms_error
    assert (missed - exact).square().mean().sqrt() / size > 20 * allowed.rms_error
