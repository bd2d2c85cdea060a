"""For many tokens: one kernel dequantises the whole matrix, then the library's dense product multiplies it.

It costs 2.5 bytes of traffic and 2 bytes of memory a weight before the product starts. A library product at full speed
recovers that from some hundred tokens on. For one token, or for 248,320 rows, it is the wrong variant. A weight is
rounded once to the activations' dtype.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..tensor_cores import rounded

SPACE = {"block": [1024, 2048, 4096], "num_warps": [4, 8]}


@triton.jit
def int4_dequant_kernel(weight, scale, out, total, GROUP: tl.constexpr, BLOCK: tl.constexpr):
    """out[2 i], out[2 i + 1] = the values of byte i; a group is GROUP // 2 consecutive bytes, rows included."""
    byte = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    ok = byte < total
    packed = tl.load(weight + byte, mask=ok, other=0)
    scales = tl.load(scale + byte // (GROUP // 2), mask=ok, other=0.0).to(tl.float32)
    low = ((packed & 15).to(tl.float32) - 8.0) * scales
    high = ((packed >> 4).to(tl.float32) - 8.0) * scales
    place = tl.program_id(0).to(tl.int64) * (2 * BLOCK) + tl.arange(0, 2 * BLOCK)
    tl.store(out + place, rounded(tl.interleave(low, high), out.dtype.element_ty), mask=place < 2 * total)


def run(x: Tensor, weight: Tensor, scale: Tensor, group: int, *, block: int = 2048, num_warps: int = 4) -> Tensor:
    """block: bytes that a program dequantises."""
    dense = torch.empty(weight.shape[0], 2 * weight.shape[1], dtype=x.dtype, device=x.device)
    grid = (triton.cdiv(weight.numel(), block),)
    int4_dequant_kernel[grid](weight, scale, dense, weight.numel(), group, block, num_warps=num_warps)
    return x @ dense.T
