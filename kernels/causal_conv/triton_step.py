"""The decode step in one kernel: a program has a block of channels, reads their window once and advances it."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"block": [64, 128, 256, 512], "num_warps": [1, 2, 4]}


def supports(case: Any) -> str | None:
    return f"one new token a sequence, not {case.dims['length']}" if case.dims["length"] != 1 else None


@triton.jit
def step_kernel(
    x, weight, state, out, stride_x,
    CHANNELS: tl.constexpr, KERNEL: tl.constexpr, BLOCK: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    batch = tl.program_id(1).to(tl.int64)
    channel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = channel < CHANNELS
    window = state + (batch * CHANNELS + channel) * (KERNEL - 1)
    wait_for_inputs(OVERLAP)
    newest = tl.load(x + batch * stride_x + channel, mask=ok, other=0.0)
    total = newest.to(tl.float32) * tl.load(weight + channel * KERNEL + KERNEL - 1, mask=ok, other=0.0).to(tl.float32)
    for i in tl.static_range(KERNEL - 1):
        older = tl.load(window + i, mask=ok, other=0.0)
        total += older.to(tl.float32) * tl.load(weight + channel * KERNEL + i, mask=ok, other=0.0).to(tl.float32)
        if i > 0:
            tl.store(window + i - 1, older, mask=ok)
    tl.store(window + KERNEL - 2, newest, mask=ok)
    tl.store(out + batch * CHANNELS + channel, (total * tl.sigmoid(total)).to(out.dtype.element_ty), mask=ok)


def run(
    x: Tensor, weight: Tensor, state: Tensor, *, block: int = 128, num_warps: int = 2, overlap: bool = False
) -> Tensor:
    overlap = starts_early(overlap)
    batch, length, channels = x.shape
    out = torch.empty(batch, length, channels, dtype=x.dtype, device=x.device)
    step_kernel[(triton.cdiv(channels, block), batch)](
        x, weight, state, out, x.stride(0), channels, weight.shape[1], block, overlap, num_warps=num_warps,
        **launch_options(overlap),
    )  # fmt: skip
    return out
