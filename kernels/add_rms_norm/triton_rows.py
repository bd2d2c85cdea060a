"""One program per token: the sum, rounded as it is stored, and its norm, from registers."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"num_warps": [1, 2, 4, 8]}


@triton.jit
def add_norm_kernel(
    x, y, weight, z, normed, stride_x, stride_y,
    EPS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    ok = i < WIDTH
    scale = 1.0 + tl.load(weight + i, mask=ok, other=0.0).to(tl.float32)
    wait_for_inputs(OVERLAP)
    total = tl.load(x + row * stride_x + i, mask=ok, other=0.0).to(tl.float32)
    total += tl.load(y + row * stride_y + i, mask=ok, other=0.0).to(tl.float32)
    total = total.to(z.dtype.element_ty)
    tl.store(z + row * WIDTH + i, total, mask=ok)
    values = total.to(tl.float32)
    values *= tl.rsqrt(tl.sum(values * values) / WIDTH + EPS) * scale
    tl.store(normed + row * WIDTH + i, values.to(normed.dtype.element_ty), mask=ok)


def run(
    x: Tensor, y: Tensor, weight: Tensor, eps: float, *, num_warps: int = 8, overlap: bool = False
) -> tuple[Tensor, Tensor]:
    overlap = starts_early(overlap)
    tokens, width = x.shape
    z = torch.empty(tokens, width, dtype=x.dtype, device=x.device)
    normed = torch.empty_like(z)
    add_norm_kernel[(tokens,)](
        x, y, weight, z, normed, x.stride(0), y.stride(0), eps, width, triton.next_power_of_2(width),
        overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return z, normed
