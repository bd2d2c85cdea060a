"""One program turns its values around through scratch memory, without a barrier.

Threads read what other threads store.
"""

import torch
import triton
import triton.language as tl

OP = "residual_add"
DIMS = {"tokens": 1, "hidden": 1024}
KIND = "race"


@triton.jit
def add_kernel(x, y, z, scratch, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(scratch + i, tl.load(y + i))
    turned = tl.load(scratch + BLOCK - 1 - i)  # here
    at = BLOCK - 1 - i
    tl.store(z + at, tl.load(x + at) + turned)


def run(x, y):
    z, scratch = torch.empty_like(x), torch.empty_like(y)
    add_kernel[(1,)](x, y, z, scratch, x.numel(), num_warps=8)
    return z
