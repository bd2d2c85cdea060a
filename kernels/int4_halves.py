"""Triton building blocks that multiply int4 weights by many vectors on tensor cores, from half words: four consecutive
k a half word, k rising with the bits.

A tile of half words, 16 bits like the operands of the product, reaches the registers of a tensor-core operand as it is.
Each of its four nibbles makes one operand there, at k = 4 h + j, whose activations are ordered by k modulo 4 to match.
Two weights take one logic operation and one multiply-add, and two nibbles of four a shift. A nibble masked in place is
the subnormal bfloat16 q 2^-133, one above it 16 times that (`int4_mma.py`); (q - 8) / 64 is exact.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from .tensor_cores import INTERPRETED, dot_from_zero

LEAST_HALVES = 16
"""The least k of a tensor-core product; a half word is four of k."""
UNSCALE = tl.constexpr(64.0)
"""Factor of each scale: weights are taken as (q - 8) / 64."""


def halves_fit(group: int) -> str | None:
    """The reason why groups of `group` values cannot be multiplied in half words; None where they can."""
    least = 4 * LEAST_HALVES
    return f"group {group} is no multiple of {least}" if group % least else None


def halves_at_once(block_h: int, group: int) -> int:
    """Half words of a row in one step: at most block_h, and a power of two that divides those of a group."""
    quarter = group // 4
    return min(block_h, quarter & -quarter)


def halves_of(packed: Tensor) -> Tensor:
    """Packed weights [..., K/2] uint8 as [..., K/4] int16, without a copy."""
    return packed.view(torch.int16)


def by_quarter(x: Tensor, step: int) -> Tensor:
    """[rows, k] with each `step` values ordered k = 0, 4, 8, .., then 1, 5, 9, .., contiguous."""
    return x.unflatten(-1, (-1, step // 4, 4)).transpose(-1, -2).reshape(x.shape)


def _asm(j: int) -> str:
    """Pair $0 of bfloat16 (q - 8) / 64 of nibble j of the half words $1."""
    source = "u" if j > 1 else "$1"
    mask, scale = ("0x00f000f0", "0x7d007d00") if j % 2 else ("0x000f000f", "0x7f007f00")
    shift = ["shr.u32 u, $1, 8;"] if j > 1 else []
    lines = [
        ".reg .b32 u, s, z;", *shift, f"and.b32 u, {source}, {mask};", f"mov.b32 s, {scale};", "mov.b32 z, 0xbe00be00;",
        "fma.rn.bf16x2 $0, u, s, z;",
    ]  # fmt: skip
    return "{\n" + "\n".join(lines) + "\n}"


ASM_0, ASM_1, ASM_2, ASM_3 = (tl.constexpr(_asm(j)) for j in range(4))


@triton.jit
def quarter(halves, J: tl.constexpr, dtype: tl.constexpr):
    """int16 [..] -> (q - 8) / 64 of nibble J as `dtype` [..]."""
    if dtype == tl.bfloat16 and not INTERPRETED:
        asm: tl.constexpr = ASM_0 if J == 0 else (ASM_1 if J == 1 else (ASM_2 if J == 2 else ASM_3))
        return tl.inline_asm_elementwise(asm, "=r,r", [halves], dtype=tl.bfloat16, is_pure=True, pack=2)
    levels = ((halves.to(tl.int32) >> (4 * J)) & 15) - 8
    return (levels.to(tl.float32) * 0.015625).to(dtype)


@triton.jit
def quarters(halves, dtype: tl.constexpr):
    """int16 [rows, h] -> (q - 8) / 64 as `dtype` [rows, 4 h]: k = 0, 4, 8, .. of the tile, then 1, 5, 9, .. Each thread
    has the same weights before and after."""
    first = tl.join(quarter(halves, 0, dtype), quarter(halves, 1, dtype))
    second = tl.join(quarter(halves, 2, dtype), quarter(halves, 3, dtype))
    return tl.reshape(tl.permute(tl.join(first, second), (0, 3, 2, 1)), (halves.shape[0], 4 * halves.shape[1]))


@triton.jit
def product_of_halves(
    weight_at, scale_at, x_at,
    K: tl.constexpr, GROUP: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_H: tl.constexpr,
):  # fmt: skip
    """Weight rows times tokens, [block_n, block_t] float32.

    `weight_at` [block_n, 1]: the rows' first half words. `scale_at` [block_n]: their first scales. `x_at` [1, block_t]:
    the tokens' first values, ordered `by_quarter` of each 4 block_h.
    """
    weight_at += tl.arange(0, BLOCK_H)[None, :]
    x_at += tl.arange(0, 4 * BLOCK_H)[:, None]
    acc = tl.zeros((BLOCK_N, BLOCK_T), tl.float32)
    for start in range(0, K // 4, BLOCK_H):
        halves = tl.load(weight_at + start)
        x = tl.load(x_at + 4 * start)
        scale = tl.load(scale_at + start // (GROUP // 4)).to(tl.float32) * UNSCALE
        acc += dot_from_zero(quarters(halves, x.dtype), x) * scale[:, None]
    return acc
