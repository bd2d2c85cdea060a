"""Tiles overlap by eight columns, which the left one of two sets to zero.

Right where programs run in order.
"""

import torch
import triton
import triton.language as tl

OP = "residual_add"
DIMS = {"tokens": 1, "hidden": 64}
KIND = "race"


@triton.jit
def add_kernel(x, y, z, SIZE, BLOCK: tl.constexpr, STEP: tl.constexpr):
    i = tl.arange(0, BLOCK)
    at = tl.program_id(0) * STEP + i
    mine = (i < STEP) & (at < SIZE)
    total = tl.load(x + at, mask=mine, other=0.0) + tl.load(y + at, mask=mine, other=0.0)
    tl.store(z + at, total, mask=at < SIZE)  # here


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(triton.cdiv(x.numel(), 24),)](x, y, z, x.numel(), 32, 24)
    return z
