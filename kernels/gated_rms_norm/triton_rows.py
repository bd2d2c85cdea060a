"""One program per row: norm, weight and gate from registers."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"num_warps": [1, 2, 4]}


@triton.jit
def gated_norm_kernel(
    x, gate, weight, out, stride_x, heads, stride_gate, stride_head,
    EPS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    ok = i < WIDTH
    weights = tl.load(weight + i, mask=ok, other=0.0).to(tl.float32)
    wait_for_inputs(OVERLAP)
    values = tl.load(x + row * stride_x + i, mask=ok, other=0.0).to(tl.float32)
    gates = tl.load(gate + row // heads * stride_gate + row % heads * stride_head + i, mask=ok, other=0.0).to(
        tl.float32
    )
    values *= tl.rsqrt(tl.sum(values * values) / WIDTH + EPS) * weights
    values *= gates * tl.sigmoid(gates)
    tl.store(out + row * WIDTH + i, values.to(out.dtype.element_ty), mask=ok)


def run(x: Tensor, gate: Tensor, weight: Tensor, eps: float, *, num_warps: int = 1, overlap: bool = False) -> Tensor:
    return by_head(x, gate.unsqueeze(1), weight, eps, num_warps, overlap)


def by_head(x: Tensor, gate: Tensor, weight: Tensor, eps: float, num_warps: int, overlap: bool) -> Tensor:
    """x [tokens * heads, width]; gate [tokens, heads, width] may be a part of a wider tensor, and is not copied."""
    overlap = starts_early(overlap)
    rows, width = x.shape
    out = torch.empty(rows, width, dtype=x.dtype, device=x.device)
    gated_norm_kernel[(rows,)](
        x, gate, weight, out, x.stride(0), gate.shape[1], gate.stride(0), gate.stride(1), eps, width,
        triton.next_power_of_2(width), overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return out
