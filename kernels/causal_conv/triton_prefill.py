"""The convolution of a prompt in one kernel.

A program has a block of steps and channels and reads the inputs in place, among the other columns of the projection.
Steps before the first come from the state, which only the program of the first steps reads and advances.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..tensor_cores import rounded

SPACE = {"block_t": [8, 16, 32, 64], "block_c": [64, 128, 256], "num_warps": [2, 4, 8]}


@triton.jit(do_not_specialize=["length"])
def causal_conv_kernel(
    x, weight, state, out, length, stride_xb, stride_xt,
    CHANNELS: tl.constexpr, KERNEL: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    batch = tl.program_id(2).to(tl.int64)
    t = block * BLOCK_T + tl.arange(0, BLOCK_T)
    channel = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    channel_ok = channel < CHANNELS
    inputs = x + batch * stride_xb + channel
    window = state + (batch * CHANNELS + channel) * (KERNEL - 1)
    total = tl.zeros((BLOCK_T, BLOCK_C), tl.float32)
    for i in tl.static_range(KERNEL):
        source = t - (KERNEL - 1 - i)
        ok = (source >= 0) & (source < length)
        at = inputs[None, :] + source.to(tl.int64)[:, None] * stride_xt
        taken = tl.load(at, mask=ok[:, None] & channel_ok[None, :], other=0.0).to(tl.float32)
        if block == 0:
            earlier = (source < 0)[:, None] & channel_ok[None, :]
            taken += tl.load(window[None, :] + (source + KERNEL - 1)[:, None], mask=earlier, other=0.0).to(tl.float32)
        total += taken * tl.load(weight + channel * KERNEL + i, mask=channel_ok, other=0.0).to(tl.float32)[None, :]
    at = out + ((batch * length + t) * CHANNELS)[:, None] + channel[None, :]
    result = rounded(total * tl.sigmoid(total), out.dtype.element_ty)
    tl.store(at, result, mask=(t < length)[:, None] & channel_ok[None, :])
    if block == 0:
        tl.debug_barrier()  # another thread may still have to read what is overwritten below
        for i in tl.static_range(KERNEL - 1):
            newest = length + i - (KERNEL - 1)
            new = tl.load(inputs + newest.to(tl.int64) * stride_xt, mask=channel_ok & (newest >= 0), other=0.0)
            kept = tl.load(window + length + i, mask=channel_ok & (newest < 0), other=0.0)
            tl.store(window + i, tl.where(newest >= 0, new, kept), mask=channel_ok)


def run(
    x: Tensor, weight: Tensor, state: Tensor, *, block_t: int = 16, block_c: int = 128, num_warps: int = 4
) -> Tensor:
    """`block_t`: steps, at least as many as the state has. `block_c`: channels."""
    (batch, length, channels), kernel = x.shape, weight.shape[1]
    block_t = max(block_t, triton.next_power_of_2(kernel - 1))
    out = torch.empty(batch, length, channels, dtype=x.dtype, device=x.device)
    causal_conv_kernel[(triton.cdiv(length, block_t), triton.cdiv(channels, block_c), batch)](
        x, weight, state, out, length, x.stride(0), x.stride(1), channels, kernel, block_t, block_c,
        num_warps=num_warps,
    )  # fmt: skip
    return out
