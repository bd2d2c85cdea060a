"""Decode: the cache is split over programs and bounded by the position, read on the device; a second kernel combines.

A program holds the query heads of one kv head as the rows of a tile and takes every `splits`-th block of the cache. So
the work is even at any position; programs beyond it return at once. The grid depends on the shapes alone, so a captured
graph stays correct as the position moves. Each program keeps a running maximum: large logits do not overflow. The
combination is a separate kernel because it reads `splits` partial rows of every head: 1 MB at 64 splits, which a
last-arriving program would pull through a single SM.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs
from ..tensor_cores import dot, dot_from_zero, rounded

SPACE = {
    "block_n": [16, 32, 64],
    "programs": [128, 256, 512],
    "num_warps": [4, 8],
    "num_stages": [2, 3, 4],
    "block_d": [32, 64, 128],
}
LEAST_ROWS = 16
"""The smallest tile of a tensor-core product; 8 grouped heads are padded to it."""


def supports(case: Any) -> str | None:
    """One query per sequence; a head is a tile's side."""
    if case.dims["length"] != 1:
        return f"one position at a time, not {case.dims['length']}"
    head_dim = case.dims["head_dim"]
    return f"head_dim {head_dim} is no power of two from 16 on" if head_dim & (head_dim - 1) or head_dim < 16 else None


@triton.jit
def attend(top, sum_exp, acc, queries, k, v, visible, SCALE_LOG2: tl.constexpr):
    """Update for one block of slots: the running maximum and sum of exponentials [rows], and the sum of values [rows,
    head_dim].

    The inputs are keys [head_dim, block_n] and values [block_n, head_dim]. `visible` [rows or 1, block_n], None for
    all. Each row sees a slot of this block or saw one before, so that its maximum is finite.
    """
    scores = dot_from_zero(queries, k) * SCALE_LOG2
    if visible is not None:
        scores = tl.where(visible, scores, float("-inf"))
    new_top = tl.maximum(top, tl.max(scores, axis=1))
    shrink = tl.exp2(top - new_top)
    weights = tl.exp2(scores - new_top[:, None])
    sum_exp = sum_exp * shrink + tl.sum(weights, axis=1)
    acc = dot(rounded(weights, v.dtype), v, acc * shrink[:, None])
    return new_top, sum_exp, acc


@triton.jit
def sdpa_split_kernel(
    q, k_cache, v_cache, positions, partial, largest, total, SCALE_LOG2: tl.constexpr,
    stride_qb, stride_qh, stride_kb, stride_kh, stride_kn, stride_vb, stride_vh, stride_vn,
    GROUP: tl.constexpr, ROWS: tl.constexpr, HEAD_DIM: tl.constexpr, SPLITS: tl.constexpr, BLOCK_N: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    # The position is older than the kernel before: it may be read before the wait, past the first cache.
    seen = (tl.load(positions, cache_modifier=".cg") + 1).to(tl.int32)
    wait_for_inputs(OVERLAP)
    split = tl.program_id(0)
    kv_head = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)
    row = tl.arange(0, ROWS)
    row_ok = row < GROUP
    d = tl.arange(0, HEAD_DIM)
    slot = tl.arange(0, BLOCK_N)
    head = kv_head * GROUP + row
    # Before the branch, so that the queries are on their way together with the position.
    queries = tl.load(q + batch * stride_qb + head[:, None] * stride_qh + d[None, :], mask=row_ok[:, None], other=0.0)
    blocks = tl.cdiv(seen, BLOCK_N)
    if split >= blocks:
        return
    keys = k_cache + batch * stride_kb + kv_head * stride_kh
    values = v_cache + batch * stride_vb + kv_head * stride_vh
    top = tl.full((ROWS,), float("-inf"), tl.float32)
    sum_exp = tl.zeros((ROWS,), tl.float32)
    acc = tl.zeros((ROWS, HEAD_DIM), tl.float32)
    for block in range(split, blocks, SPLITS):
        n = block * BLOCK_N + slot
        n_ok = n < seen
        at = n.to(tl.int64)
        k = tl.load(keys + at[None, :] * stride_kn + d[:, None], mask=n_ok[None, :], other=0.0)  # [head_dim, block_n]
        v = tl.load(values + at[:, None] * stride_vn + d[None, :], mask=n_ok[:, None], other=0.0)  # [block_n, head_dim]
        top, sum_exp, acc = attend(top, sum_exp, acc, queries, k, v, n_ok[None, :], SCALE_LOG2)
    index = (batch * tl.num_programs(1) * GROUP + head) * SPLITS + split
    tl.store(partial + index[:, None] * HEAD_DIM + d[None, :], acc, mask=row_ok[:, None])
    tl.store(largest + index, top, mask=row_ok)
    tl.store(total + index, sum_exp, mask=row_ok)


@triton.jit
def sdpa_combine_kernel(
    partial, largest, total, positions, out,
    HEAD_DIM: tl.constexpr, SPLITS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)  # batch * heads + head
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    split = tl.arange(0, SPLITS)
    length = tl.load(positions, cache_modifier=".cg").to(tl.int32) + 1  # read early, as in the first kernel
    written = split < tl.cdiv(length, BLOCK_N)
    wait_for_inputs(OVERLAP)
    tops = tl.load(largest + row * SPLITS + split, mask=written, other=float("-inf"))
    shrink = tl.exp2(tops - tl.max(tops, axis=0))
    sums = tl.load(total + row * SPLITS + split, mask=written, other=0.0)
    at = partial + (row * SPLITS + split[:, None]) * HEAD_DIM + d[None, :]
    parts = tl.load(at, mask=written[:, None], other=0.0)
    result = tl.sum(parts * shrink[:, None], axis=0) / tl.sum(sums * shrink, axis=0)
    tl.store(out + row * HEAD_DIM + d, rounded(result, out.dtype.element_ty))


def run(
    q: Tensor, k_cache: Tensor, v_cache: Tensor, positions: Tensor,
    *, block_n: int = 32, programs: int = 128, num_warps: int = 4, num_stages: int = 3, block_d: int = 64,
    overlap: bool = False, overlap_second: bool = False,
) -> Tensor:  # fmt: skip
    """`programs`: how many the cache is split over, all sequences and kv heads together; at least one each. `block_d`:
    columns of a head that a program combines.
    """
    batch, length, heads, head_dim = q.shape
    assert length == 1, "one position at a time"
    overlap, second = starts_early(overlap), starts_early(overlap or overlap_second)
    kv_heads, capacity = k_cache.shape[1], k_cache.shape[2]
    useful = triton.next_power_of_2(triton.cdiv(capacity, block_n))
    splits = min(triton.next_power_of_2(triton.cdiv(programs, batch * kv_heads)), useful)
    group = heads // kv_heads
    partial = torch.empty(batch, heads, splits, head_dim, dtype=torch.float32, device=q.device)
    largest = torch.empty(batch, heads, splits, dtype=torch.float32, device=q.device)
    total = torch.empty_like(largest)
    out = torch.empty(batch, 1, heads, head_dim, dtype=q.dtype, device=q.device)
    sdpa_split_kernel[(splits, kv_heads, batch)](
        q, k_cache, v_cache, positions, partial, largest, total, head_dim**-0.5 * 1.4426950408889634,
        q.stride(0), q.stride(2), *k_cache.stride()[:3], *v_cache.stride()[:3],
        group, max(LEAST_ROWS, triton.next_power_of_2(group)), head_dim, splits, block_n,
        second, num_warps=num_warps, num_stages=num_stages, **launch_options(overlap),
    )  # fmt: skip
    block_d = min(block_d, head_dim)
    sdpa_combine_kernel[(batch * heads, head_dim // block_d)](
        partial, largest, total, positions, out, head_dim, splits, block_n, block_d, second,
        num_warps=4, **launch_options(second),
    )  # fmt: skip
    return out
