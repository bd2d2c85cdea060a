"""Triton building blocks around the products of `tile_asm`: addresses for its operands, and the sums of its results.

Threads and elements of a tensor [32 warps] have to be the same, in order: the assembly knows its lane. That is the only
layout of such a tensor where it is loaded by no wider one; `test_early_starts` counts the products of compiled kernels.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def lanes(WARPS: tl.constexpr):
    """Warp, row in the tile and column of threads, each [32 warps], one element a thread."""
    i = tl.arange(0, 32 * WARPS)
    return i // 32, i % 32 // 4, i % 4


@triton.jit
def address(pointer):
    return pointer.to(tl.int64)


@triton.jit
def row_addresses(weight, scale, x, upper, lower, chunk, K: tl.constexpr, CHUNKS: tl.constexpr, WARPS: tl.constexpr):
    """The five addresses of a product of `tile_asm`, each [32 warps]: of rows `upper` and `lower` (int64) of a matrix
    [.., K] from the group `chunk` on, and of the bfloat16 vector `x`."""
    _warp, _g, t = lanes(WARPS)
    words = weight + chunk * 16 + t * 4
    scales = scale + chunk + 2 * t
    return (
        address(words + upper * (K // 8)), address(words + lower * (K // 8)),
        address(scales + upper * (K // 128)), address(scales + lower * (K // 128)),
        vector_address(x, chunk, CHUNKS, WARPS),
    )  # fmt: skip


@triton.jit
def vector_address(x, chunk, CHUNKS: tl.constexpr, WARPS: tl.constexpr):
    """Address of the lane's part of a bfloat16 vector from the group `chunk` on, [32 warps]."""
    _warp, g, t = lanes(WARPS)
    return address(x + (chunk + g % CHUNKS) * 128 + t * 32)


@triton.jit
def ready_position(k, CHUNKS: tl.constexpr):
    """The place of the value k of a vector for warps that have CHUNKS groups each.

    The lanes load one piece at once. Pairs of k are those of a word's nibbles: (0, 4), (1, 5), (2, 6), (3, 7).
    """
    COLUMNS: tl.constexpr = CHUNKS if CHUNKS < 8 else 8
    chunk, t, i, j = k // 128, k % 128 // 32, k % 32 // 8, k % 8
    first = chunk // COLUMNS * (COLUMNS * 128)
    return first + i * (COLUMNS * 32) + chunk % COLUMNS * 32 + t * 8 + j % 4 * 2 + j // 4


@triton.jit
def ready_value(values, k):
    """Values float32 as they lie at `ready_position`: nibbles of odd k count 16-fold."""
    return tl.where(k % 2 == 0, values * 2.0**100, values * 2.0**96).to(tl.bfloat16)


@triton.jit
def ready_address(x, chunk, CHUNKS: tl.constexpr, WARPS: tl.constexpr):
    """Address of the lane's part of a vector that was stored by `ready_position`, from the group `chunk` on."""
    _warp, g, t = lanes(WARPS)
    COLUMNS: tl.constexpr = CHUNKS if CHUNKS < 8 else 8
    return address(x + chunk * 128 + g % COLUMNS * 32 + t * 8)


@triton.jit
def plain_rows(
    x, weight, scale, first, READY: tl.constexpr, K: tl.constexpr, CHUNKS: tl.constexpr, WARPS: tl.constexpr,
    ASM: tl.constexpr, CONSTRAINTS: tl.constexpr,
):  # fmt: skip
    """Rows `first` .. + 15 of a matrix times x, plain or READY, [8, 2] as in `tile_rows`."""
    warp, g, _t = lanes(WARPS)
    row = (first + g).to(tl.int64)
    a, b, c, d, e = row_addresses(weight, scale, x, row, row + 8, warp * CHUNKS, K, CHUNKS, WARPS)
    if READY:
        e = ready_address(x, warp * CHUNKS, CHUNKS, WARPS)
    up_even, up_odd, low_even, low_odd = tl.inline_asm_elementwise(
        ASM, CONSTRAINTS, [a, b, c, d, e], dtype=(tl.float32, tl.float32, tl.float32, tl.float32), is_pure=False,
        pack=1,
    )  # fmt: skip
    return both_halves(up_even + up_odd, low_even + low_odd, WARPS)


@triton.jit
def normed_rows(
    x, y, norm_weight, z, weight, scale, first, EPS: tl.constexpr, K: tl.constexpr, CHUNKS: tl.constexpr,
    WARPS: tl.constexpr, ASM: tl.constexpr, CONSTRAINTS: tl.constexpr,
):  # fmt: skip
    """Rows `first` .. + 15 of a matrix times the norm of x + y, [8, 2] as in `tile_rows`.

    The norm's root is one factor at the end. Programs with first < K store their part of the sum in z.
    """
    warp, g, _t = lanes(WARPS)
    row = (first + g).to(tl.int64)
    a, b, c, d, _e = row_addresses(weight, scale, x, row, row + 8, warp * CHUNKS, K, CHUNKS, WARPS)
    eight = 8 * tl.arange(0, 32 * WARPS)
    up_even, up_odd, low_even, low_odd, squares = tl.inline_asm_elementwise(
        ASM, CONSTRAINTS, [a, b, c, d, address(x + eight), address(y + eight), address(norm_weight + eight)],
        dtype=(tl.float32, tl.float32, tl.float32, tl.float32, tl.float32), is_pure=False, pack=1,
    )  # fmt: skip
    root = tl.rsqrt(tl.sum(squares) / K + EPS)
    i = first + tl.arange(0, 16)
    total = tl.load(x + i, mask=i < K, other=0.0).to(tl.float32)
    total += tl.load(y + i, mask=i < K, other=0.0).to(tl.float32)
    tl.store(z + i, total.to(z.dtype.element_ty), mask=i < K)
    return both_halves(up_even + up_odd, low_even + low_odd, WARPS) * root


@triton.jit
def over_lanes(values, WARPS: tl.constexpr):
    """values [32 warps] summed over the columns of threads and over warps, [8] rows."""
    return tl.sum(tl.sum(tl.reshape(values, (WARPS, 8, 4)), axis=2), axis=0)


@triton.jit
def both_halves(upper, lower, WARPS: tl.constexpr):
    """Sums [8, 2] of a tile's upper and lower rows."""
    return tl.join(over_lanes(upper, WARPS), over_lanes(lower, WARPS))


@triton.jit
def tile_rows():
    """The row in a tile of each element of `both_halves`."""
    return tl.arange(0, 8)[:, None] + 8 * tl.arange(0, 2)[None, :]
