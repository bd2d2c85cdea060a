"""One pass over a block of a row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"block": [256, 512, 1024, 2048], "num_warps": [1, 2, 4, 8]}


@triton.jit
def gate_kernel(x, gate, out, stride_x, stride_gate, WIDTH: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr):
    row = tl.program_id(1).to(tl.int64)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    wait_for_inputs(OVERLAP)
    values = tl.load(x + row * stride_x + i, mask=i < WIDTH, other=0.0).to(tl.float32)
    values *= tl.sigmoid(tl.load(gate + row * stride_gate + i, mask=i < WIDTH, other=0.0).to(tl.float32))
    tl.store(out + row * WIDTH + i, values.to(out.dtype.element_ty), mask=i < WIDTH)


def run(x: Tensor, gate: Tensor, *, block: int = 512, num_warps: int = 4, overlap: bool = False) -> Tensor:
    overlap = starts_early(overlap)
    tokens, width = x.shape
    out = torch.empty(tokens, width, dtype=x.dtype, device=x.device)
    gate_kernel[(triton.cdiv(width, block), tokens)](
        x, gate, out, x.stride(0), gate.stride(0), width, block, overlap, num_warps=num_warps,
        **launch_options(overlap),
    )  # fmt: skip
    return out
