"""One program per row: it is read once."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

SPACE = {"num_warps": [1, 2, 4, 8]}


@triton.jit
def norm_kernel(x, weight, out, stride, EPS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    values = tl.load(x + row * stride + i, mask=i < WIDTH, other=0.0).to(tl.float32)
    scale = 1.0 + tl.load(weight + i, mask=i < WIDTH, other=0.0).to(tl.float32)
    values *= tl.rsqrt(tl.sum(values * values) / WIDTH + EPS) * scale
    tl.store(out + row * WIDTH + i, values.to(out.dtype.element_ty), mask=i < WIDTH)


def run(x: Tensor, weight: Tensor, eps: float, *, num_warps: int = 4) -> Tensor:
    rows, width = x.shape
    out = torch.empty(rows, width, dtype=x.dtype, device=x.device)
    norm_kernel[(rows,)](x, weight, out, x.stride(0), eps, width, triton.next_power_of_2(width), num_warps=num_warps)
    return out
