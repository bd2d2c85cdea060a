"""An index that is halved: two lanes of one store go to the same place, and half of the output is left as it was."""

import torch
import triton
import triton.language as tl

OP = "residual_add"
DIMS = {"tokens": 1, "hidden": 64}
KIND = "race"
GUARD = "are NaN"


@triton.jit
def add_kernel(x, y, z, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    total = tl.load(x + i) + tl.load(y + i)
    tl.store(z + i // 2, total)  # here


def run(x, y):
    z = torch.empty_like(x)
    add_kernel[(1,)](x, y, z, x.numel())
    return z
