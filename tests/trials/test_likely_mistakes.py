"""The likeliest mistakes of norms, rotations, activations and routing are named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.load_kernels import load_op, load_operands
from harness.measure.diagnosis import Returned, Wrong, diagnose
from harness.measure.expected import reference_of


def norm_by_w(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return torch.nn.functional.rms_norm(x.float(), x.shape[-1:], weight.float(), eps)


def neighbours(q: Tensor, k: Tensor, positions: Tensor, rotary_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    exponents = torch.arange(0, rotary_dim, 2).float() / rotary_dim
    angles = positions.float().unsqueeze(-1) * theta**-exponents
    cos, sin = angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)

    def rotate(x: Tensor) -> Tensor:
        found = x.float().clone()
        even, odd = x[..., 0:rotary_dim:2].float(), x[..., 1:rotary_dim:2].float()
        found[..., 0:rotary_dim:2], found[..., 1:rotary_dim:2] = even * cos - odd * sin, odd * cos + even * sin
        return found

    return rotate(q), rotate(k)


def activated(function: Callable[[Tensor], Tensor], gate_up: Tensor) -> Tensor:
    gate, up = gate_up.float().chunk(2, -1)
    return function(gate) * up


MISTAKES: dict[str, tuple[str, Callable[..., Any], str]] = {
    "w for 1 + w": ("rms_norm", norm_by_w, "w is taken for 1 + w"),
    "neighbours for halves": ("rope", neighbours, "neighbouring values are rotated"),
    "GELU for SiLU": ("swiglu", partial(activated, torch.nn.functional.gelu), "GELU in place of SiLU"),
    "ReLU for SiLU": ("swiglu", partial(activated, torch.relu), "ReLU in place of SiLU"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_likely_mistake_is_named(name: str) -> None:
    """By the words that an author of the kernel would use."""
    op_name, wrong, words = MISTAKES[name]
    op = load_op(op_name)
    dims = dict(op.test_shapes[-1])
    raw = load_operands().make(op.op, dims, torch.float32, "cpu", torch.Generator().manual_seed(0))
    got = wrong(*raw.values())
    found = diagnose(Wrong(
        op.op, raw, dims, {}, [Returned(*output) for output in op.op.outputs],
        got if isinstance(got, tuple) else (got,), reference_of(op, raw), (), {}, op.tolerance("float32", dims),
        partial(reference_of, op), [op.row_dims(label) for label, _ in op.op.outputs],
    ))  # fmt: skip
    assert words in found.words, found
