"""For many tokens: the weights are dequantised inside the product's loop, on their way to the tensor cores.

The product is formed transposed, weight rows by tokens: nibbles become bfloat16 levels in registers, from where the
tensor cores take their first operand. A byte holds an even and an odd k, so the activations are ordered by parity first
and each byte tile gives two products, with nothing interleaved. Levels are exact in bfloat16; a group's scale is
applied to its sum.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..tensor_cores import INTERPRETED, dot, dot_from_zero, rounded

SPACE = {
    "block_n": [64, 128],
    "block_t": [32, 64, 128],
    "block_b": [32, 64],
    "num_warps": [4, 8],
    "num_stages": [2, 3, 4],
}
LEAST = 16
"""The smallest side of a tensor-core tile."""


def supports(case: Any) -> str | None:
    return whole_tiles(case.dims["group"])


def whole_tiles(group: int) -> str | None:
    """A group is made of whole tiles: 16 bytes, that is 32 values."""
    return f"group {group} is no multiple of {2 * LEAST}" if group % (2 * LEAST) else None


def bytes_at_once(block_b: int, group: int) -> int:
    """Bytes of a row in one step: at most block_b, and a power of two that divides a group's bytes."""
    half = group // 2
    return min(block_b, half & -half)


def by_parity(x: Tensor) -> Tensor:
    """[rows, k] -> [rows, 2, k/2] contiguous: the even k, then the odd."""
    return x.unflatten(-1, (-1, 2)).transpose(-1, -2).contiguous()


@triton.jit
def levels(nibbles, dtype: tl.constexpr):
    """uint8 nibbles -> the levels -8..7. In bfloat16 by placing the nibble into the mantissa of 128, where a step is 1:
    converting integers is a quarter as fast."""
    if dtype == tl.bfloat16 and not INTERPRETED:
        return (nibbles.to(tl.int16) | 0x4300).to(tl.bfloat16, bitcast=True) - 136.0
    return (nibbles.to(tl.float32) - 8.0).to(dtype)


@triton.jit
def int4_product(
    weight_at, scale_at, x_at, rows_ok, tokens_ok,
    HALF_K: tl.constexpr, GROUP: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_B: tl.constexpr,
):  # fmt: skip
    """Weight rows times tokens, [block_n, block_t] float32.

    `weight_at` [block_n, block_b]: the rows' first bytes. `scale_at` [block_n]: their first scales. `x_at` [block_b,
    block_t]: the tokens' first even values; odd ones follow HALF_K later.
    """
    acc = tl.zeros((BLOCK_N, BLOCK_T), tl.float32)
    for start in range(0, HALF_K, BLOCK_B):
        packed = tl.load(weight_at + start, mask=rows_ok[:, None], other=0)
        even = tl.load(x_at + start, mask=tokens_ok[None, :], other=0.0)
        odd = tl.load(x_at + (start + HALF_K), mask=tokens_ok[None, :], other=0.0)
        scale = tl.load(scale_at + start // (GROUP // 2), mask=rows_ok, other=0.0)
        part = dot_from_zero(levels(packed & 15, even.dtype), even)
        part = dot(levels(packed >> 4, odd.dtype), odd, part)
        acc += part * scale.to(tl.float32)[:, None]
    return acc


@triton.jit
def int4_gemm_kernel(
    x, weight, scale, out, tokens, ROWS: tl.constexpr, HALF_K: tl.constexpr, GROUP: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_B: tl.constexpr,
):  # fmt: skip
    # Neighbouring programs share weight rows, which come from memory; all tokens stay in the L2.
    blocks_t = tl.cdiv(tokens, BLOCK_T)
    n = (tl.program_id(0) // blocks_t) * BLOCK_N + tl.arange(0, BLOCK_N)
    t = (tl.program_id(0) % blocks_t) * BLOCK_T + tl.arange(0, BLOCK_T)
    b = tl.arange(0, BLOCK_B)
    rows_ok, tokens_ok = n < ROWS, t < tokens
    row, token = n.to(tl.int64), t.to(tl.int64)
    weight_at = weight + row[:, None] * HALF_K + b[None, :]
    x_at = x + token[None, :] * (2 * HALF_K) + b[:, None]
    scale_at = scale + row * (2 * HALF_K // GROUP)
    acc = int4_product(weight_at, scale_at, x_at, rows_ok, tokens_ok, HALF_K, GROUP, BLOCK_N, BLOCK_T, BLOCK_B)
    at = out + token[None, :] * ROWS + n[:, None]
    tl.store(at, rounded(acc, out.dtype.element_ty), mask=rows_ok[:, None] & tokens_ok[None, :])


def run(
    x: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 128, block_t: int = 128, block_b: int = 64, num_warps: int = 8, num_stages: int = 3,
) -> Tensor:  # fmt: skip
    """`block_n`: weight rows. `block_t`: tokens (fewer where there are fewer). `block_b`: bytes of a row, twice as many
    k.
    """
    (tokens, k), rows = x.shape, weight.shape[0]
    out = torch.empty(tokens, rows, dtype=x.dtype, device=x.device)
    block_t = min(block_t, max(LEAST, triton.next_power_of_2(tokens)))
    int4_gemm_kernel[(triton.cdiv(rows, block_n) * triton.cdiv(tokens, block_t),)](
        by_parity(x), weight, scale, out, tokens, rows, k // 2, group, block_n, block_t, bytes_at_once(block_b, group),
        num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out
