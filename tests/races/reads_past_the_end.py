"""The last element of the operand is taken to be one further."""

import torch
import triton
import triton.language as tl

OP = "residual_add"
KIND = "read outside"
GUARD = "reads outside of y"
TOOL = "memcheck"


@triton.jit
def add_kernel(x, y, z, SIZE, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    last = i == SIZE - 1
    right = tl.load(y + i + last.to(tl.int32), mask=i < SIZE)  # here
    tl.store(z + i, tl.load(x + i, mask=i < SIZE) + right, mask=i < SIZE)


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(1,)](x, y, z, x.numel(), triton.next_power_of_2(x.numel()))
    return z
