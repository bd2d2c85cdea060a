"""The last program sums what the others leave in scratch memory, and waits for none of them.

Right where programs run in order.
"""

import torch
import triton
import triton.language as tl

OP = "linear"
DIMS = {"tokens": 1, "n": 16, "k": 64}
KIND = "race"


@triton.jit
def product_kernel(x, weight, parts, y, K, PARTS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    part = tl.program_id(0)
    n, k = tl.arange(0, BLOCK_N), part * BLOCK_K + tl.arange(0, BLOCK_K)
    product = tl.load(x + k)[None, :] * tl.load(weight + n[:, None] * K + k[None, :])
    tl.store(parts + part * BLOCK_N + n, tl.sum(product, 1))
    if part == PARTS - 1:
        i = tl.arange(0, PARTS)
        found = tl.load(parts + i[:, None] * BLOCK_N + n[None, :])  # here
        tl.store(y + n, tl.sum(found, 0))


def run(x, weight):
    n, k = weight.shape
    parts = torch.empty(k // 16, n, device=x.device)
    y = torch.empty(1, n, dtype=x.dtype, device=x.device)
    product_kernel[(k // 16,)](x, weight, parts, y, k, k // 16, n, 16)
    return y
