"""Loads are masked to the row, the store is not: it runs into the next row, and from the last one out of the output."""

import torch
import triton
import triton.language as tl

OP = "residual_add"
KIND = "write outside"
GUARD = "writes outside of z: "
TOOL = "memcheck"


@triton.jit
def add_kernel(x, y, z, WIDTH, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    at = tl.program_id(0) * WIDTH + i
    total = tl.load(x + at, mask=i < WIDTH, other=0.0) + tl.load(y + at, mask=i < WIDTH, other=0.0)
    tl.store(z + at, total)  # here


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(len(x),)](x, y, z, x.shape[1], 2 * triton.next_power_of_2(x.shape[1]))
    return z
