"""Atomic sums into memory that nobody set to zero."""

import torch
import triton
import triton.language as tl

OP = "linear"
DIMS = {"tokens": 1, "n": 16, "k": 64}
DTYPE = "float32"
KIND = "read of unwritten memory"
GUARD = "are NaN"


@triton.jit
def part_kernel(x, weight, y, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    n, k = tl.arange(0, BLOCK_N), tl.program_id(0) * BLOCK_K + tl.arange(0, BLOCK_K)
    product = tl.load(x + k)[None, :] * tl.load(weight + n[:, None] * K + k[None, :])
    tl.atomic_add(y + n, tl.sum(product, 1))  # here


def run(x, weight):
    n, k = weight.shape
    y = torch.empty(1, n, dtype=x.dtype, device=x.device)
    part_kernel[(k // 16,)](x, weight, y, k, n, 16)
    return y
