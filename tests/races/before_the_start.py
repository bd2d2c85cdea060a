"""The first block has a left neighbour that is not there."""

import torch
import triton
import triton.language as tl

OP = "residual_add"
KIND = "write outside"
GUARD = "writes outside of z: 1 element before its start (-1)"
TOOL = "memcheck"


@triton.jit
def add_kernel(x, y, z, SIZE, BLOCK: tl.constexpr):
    start = tl.program_id(0) * BLOCK
    i = start + tl.arange(0, BLOCK)
    tl.store(z + start - 1, 0.0)  # here
    tl.store(z + i, tl.load(x + i, mask=i < SIZE) + tl.load(y + i, mask=i < SIZE), mask=i < SIZE)


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(1,)](x, y, z, x.numel(), triton.next_power_of_2(x.numel()))
    return z
