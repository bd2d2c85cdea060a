"""A sum that is kept in its operand: right, and the next layer reads a changed residual."""

import torch
import triton
import triton.language as tl

OP = "residual_add"
KIND = "write to an input"
GUARD = "changed inputs that are not state: x"


@triton.jit
def add_kernel(x, y, z, SIZE, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.load(x + i, mask=i < SIZE) + tl.load(y + i, mask=i < SIZE)
    tl.store(z + i, total, mask=i < SIZE)
    tl.store(x + i, total, mask=i < SIZE)  # here


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(triton.cdiv(x.numel(), 32),)](x, y, z, x.numel(), 32)
    return z
