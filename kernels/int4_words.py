"""Triton building blocks that read int4 weights as int32 words: eight consecutive k a word, k rising with the bits.

A nibble is never shifted to the bottom and never converted. Masked in place, `word & (15 << 4 j)` is exactly the bit
pattern of the subnormal float32 number q * 2**(4 j - 149). Activations are scaled by powers of two (exactly, too), so
that all eight products have one exponent. They are summed by fused multiply-adds that take subnormal operands at full
speed. That is one logic operation and one multiply-add per weight, and one shift per word for the three upper nibbles,
which do not fit below the exponent. The zero point of 8 is subtracted once per word, the scale applied once per group.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from .tensor_cores import rounded

UNSCALE = tl.constexpr(2.0**60)
"""The factor that, with its group's scale, turns a sum of products into the product.

Activations carry 2 ** (89 - 4 j), so that a product is 2 ** -60 of its value and any activation between 2 ** -60 and 2
** 38 keeps all its bits.
"""


def words_of(packed: Tensor) -> Tensor:
    """Packed weights [..., K/2] uint8 as [..., K/8] int32, without a copy."""
    return packed.view(torch.int32)


def pairs_of(x: Tensor) -> Tensor:
    """Contiguous bfloat16 activations as int32, two a word, even k low; other dtypes unchanged."""
    return joined(x, torch.int32) if x.dtype == torch.bfloat16 else x.contiguous()


def joined(x: Tensor, dtype: torch.dtype) -> Tensor:
    """x [.., n] as the wider `dtype`, several neighbours each.

    It is copied where it is not contiguous or not aligned to `dtype` (torch.compile cannot query a tensor's address,
    and refuses it then).
    """
    values = x.contiguous().view(-1)  # a single row counts as contiguous with any stride, which the wider view refuses
    neighbours = dtype.itemsize // x.element_size()
    inside = not torch.compiler.is_compiling() and values.storage_offset() % neighbours
    return (values.clone() if inside else values).view(dtype).view(*x.shape[:-1], x.shape[-1] // neighbours)


def words_fit(k: int, group: int) -> str | None:
    """The reason why rows of `k` int4 values in groups of `group` cannot be read as words; None where they can."""
    if k % 8:
        return f"its {k} columns are no whole number of words of 8"
    if group < 8 or group & (group - 1):
        return f"the group {group} is no power of two of at least 8"
    return None


def block_words(k: int, group: int) -> int:
    """Words of a block that holds a row of `k` values: a power of two, of whole groups."""
    return max(triton.next_power_of_2(k), group) // 8


@triton.jit
def activations(x, word, word_ok, PAIRS: tl.constexpr, BLOCK_W: tl.constexpr):
    """The eight activations of each word, x0 .. x7 [block_w] float32 scaled for `dot_words`, and the zero point's part.

    `x`: bfloat16 pairs as int32 (PAIRS) or float values. `word` [block_w]: the index of eight consecutive values.
    `word_ok`: others are taken as zero.
    """
    if PAIRS:
        pair = tl.load(x + word[:, None] * 4 + tl.arange(0, 4)[None, :], mask=word_ok[:, None], other=0)
        even, odd = tl.split(tl.reshape(pair, (BLOCK_W, 2, 2)))
        pair01, pair45 = tl.split(even)
        pair23, pair67 = tl.split(odd)
        x0, x1 = _unpaired(pair01)
        x2, x3 = _unpaired(pair23)
        x4, x5 = _unpaired(pair45)
        x6, x7 = _unpaired(pair67)
    else:
        value = tl.load(x + word[:, None] * 8 + tl.arange(0, 8)[None, :], mask=word_ok[:, None], other=0.0)
        even, odd = tl.split(tl.reshape(value.to(tl.float32), (BLOCK_W, 4, 2)))
        x04, x26 = tl.split(tl.reshape(even, (BLOCK_W, 2, 2)))
        x15, x37 = tl.split(tl.reshape(odd, (BLOCK_W, 2, 2)))
        x0, x4 = tl.split(x04)
        x1, x5 = tl.split(x15)
        x2, x6 = tl.split(x26)
        x3, x7 = tl.split(x37)
    zero = -8.0 * 2.0**-60 * (((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)))
    return (
        x0 * 2.0**89, x1 * 2.0**85, x2 * 2.0**81, x3 * 2.0**77, x4 * 2.0**73, x5 * 2.0**81, x6 * 2.0**77, x7 * 2.0**73,
        zero,
    )  # fmt: skip


@triton.jit
def normed_activations(x, y, weight, word, word_ok, BLOCK_W: tl.constexpr):
    """As `activations`, of the norm of x + y without its root, and the sum of squares of x + y; all bfloat16 pairs."""
    at = word[:, None] * 4 + tl.arange(0, 4)[None, :]
    x_pair = tl.load(x + at, mask=word_ok[:, None], other=0)
    y_pair = tl.load(y + at, mask=word_ok[:, None], other=0)
    w_pair = tl.load(weight + at, mask=word_ok[:, None], other=0)
    x_low, x_high = _unpaired(x_pair)
    y_low, y_high = _unpaired(y_pair)
    w_low, w_high = _unpaired(w_pair)
    low, high = x_low + y_low, x_high + y_high
    squares = tl.sum(tl.sum(low * low + high * high, axis=1), axis=0)
    x01, x45 = _halves(low * (1.0 + w_low), BLOCK_W)
    x0, x2 = tl.split(x01)
    x4, x6 = tl.split(x45)
    y01, y45 = _halves(high * (1.0 + w_high), BLOCK_W)
    x1, x3 = tl.split(y01)
    x5, x7 = tl.split(y45)
    zero = -8.0 * 2.0**-60 * (((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)))
    return (
        x0 * 2.0**89, x1 * 2.0**85, x2 * 2.0**81, x3 * 2.0**77, x4 * 2.0**73, x5 * 2.0**81, x6 * 2.0**77, x7 * 2.0**73,
        zero, squares,
    )  # fmt: skip


@triton.jit
def store_sum(x, y, z, n, K: tl.constexpr):
    """z = x + y where a program has the pairs n < K / 2; all bfloat16 pairs."""
    ok = n < K // 2
    x_low, x_high = _unpaired(tl.load(x + n, mask=ok, other=0))
    y_low, y_high = _unpaired(tl.load(y + n, mask=ok, other=0))
    low = rounded(x_low + y_low, tl.bfloat16).to(tl.int16, bitcast=True).to(tl.int32) & 0xFFFF
    high = rounded(x_high + y_high, tl.bfloat16).to(tl.int16, bitcast=True).to(tl.int32) << 16
    tl.store(z + n, low | high, mask=ok)


@triton.jit
def _halves(values, BLOCK_W: tl.constexpr):
    """[block_w, 4] -> the first two and the last two of each row, [block_w, 2]."""
    return tl.split(tl.permute(tl.reshape(values, (BLOCK_W, 2, 2)), (0, 2, 1)))


@triton.jit
def _unpaired(pair):
    return (pair << 16).to(tl.float32, bitcast=True), (pair & -65536).to(tl.float32, bitcast=True)


@triton.jit
def _nibble(words, J: tl.constexpr):
    return (words & (15 << (4 * J))).to(tl.float32, bitcast=True)


@triton.jit
def dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero):
    """words [rows, block_w] int32 -> [rows, block_w] float32: the sum over each word's eight k of x * (q - 8), times
    2 ** -60."""
    upper = words >> 12
    total = zero[None, :] + _nibble(words, 0) * x0[None, :]
    total += _nibble(words, 1) * x1[None, :]
    total += _nibble(words, 2) * x2[None, :]
    total += _nibble(words, 3) * x3[None, :]
    total += _nibble(words, 4) * x4[None, :]
    total += _nibble(upper, 2) * x5[None, :]
    total += _nibble(upper, 3) * x6[None, :]
    total += _nibble(upper, 4) * x7[None, :]
    return total


@triton.jit
def scaled_rows(sums, scales, BLOCK_N: tl.constexpr, GROUPS: tl.constexpr, GROUP_WORDS: tl.constexpr):
    """sums [block_n, groups * group_words] of `dot_words` and scales [block_n, groups] -> [block_n] float32."""
    per_group = tl.sum(tl.reshape(sums, (BLOCK_N, GROUPS, GROUP_WORDS)), axis=2)
    return tl.sum(per_group * scales.to(tl.float32), axis=1) * UNSCALE
