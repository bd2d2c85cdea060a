"""Partial sums are kept for every part, and read for one more than was written."""

import torch
import triton
import triton.language as tl

OP = "linear"
DIMS = {"tokens": 1, "n": 16, "k": 64}
KIND = "read of unwritten memory"
GUARD = "are NaN"
TOOL = "initcheck"


@triton.jit
def part_kernel(x, weight, parts, N, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    n, k = tl.arange(0, BLOCK_N), tl.program_id(0) * BLOCK_K + tl.arange(0, BLOCK_K)
    product = tl.load(x + k)[None, :] * tl.load(weight + n[:, None] * K + k[None, :])
    tl.store(parts + tl.program_id(0) * N + n, tl.sum(product, 1))


@triton.jit
def sum_kernel(parts, y, N, PARTS, BLOCK_N: tl.constexpr):
    n = tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_N,), tl.float32)
    for part in range(PARTS):
        total += tl.load(parts + part * N + n)  # here
    tl.store(y + n, total)


def run(x, weight):
    n, k = weight.shape
    parts = torch.empty(k // 16 + 1, n, device=x.device)
    y = torch.empty(1, n, dtype=x.dtype, device=x.device)
    part_kernel[(k // 16,)](x, weight, parts, n, k, n, 16)
    sum_kernel[(1,)](parts, y, n, len(parts), n)
    return y
