"""Many rows: a block of them a program, each row within a warp. Heads are short, so that a program of one row has two
kilobytes to move, and 65,536 such programs take as long as their starts do."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..tensor_cores import rounded

SPACE = {"rows_at_once": [8, 16, 32, 64], "num_warps": [2, 4, 8]}


@triton.jit
def gated_norm_blocks_kernel(
    x, gate, weight, out, rows, stride_x, stride_gate,
    EPS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = (tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS))[:, None]
    i = tl.arange(0, BLOCK)[None, :]
    ok = (row < rows) & (i < WIDTH)
    values = tl.load(x + row * stride_x + i, mask=ok, other=0.0).to(tl.float32)
    gates = tl.load(gate + row * stride_gate + i, mask=ok, other=0.0).to(tl.float32)
    weights = tl.load(weight + i, mask=i < WIDTH, other=0.0).to(tl.float32)
    values *= tl.rsqrt(tl.sum(values * values, axis=1) / WIDTH + EPS)[:, None] * weights
    values *= gates * tl.sigmoid(gates)
    tl.store(out + row * WIDTH + i, rounded(values, out.dtype.element_ty), mask=ok)


def run(x: Tensor, gate: Tensor, weight: Tensor, eps: float, *, rows_at_once: int = 16, num_warps: int = 4) -> Tensor:
    rows, width = x.shape
    out = torch.empty(rows, width, dtype=x.dtype, device=x.device)
    gated_norm_blocks_kernel[(triton.cdiv(rows, rows_at_once),)](
        x, gate, weight, out, rows, x.stride(0), gate.stride(0), eps, width, triton.next_power_of_2(width),
        rows_at_once, num_warps=num_warps,
    )  # fmt: skip
    return out
