"""The mask lets one element too many through: `<=` in place of `<`."""

import torch
import triton
import triton.language as tl

OP = "residual_add"
KIND = "write outside"
GUARD = "writes outside of z: 1 element after its end (+1)"
TOOL = "memcheck"


@triton.jit
def add_kernel(x, y, z, SIZE, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.load(x + i, mask=i < SIZE) + tl.load(y + i, mask=i < SIZE)
    tl.store(z + i, total, mask=i <= SIZE)  # here


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(triton.cdiv(x.numel() + 1, 32),)](x, y, z, x.numel(), 32)
    return z
