"""Decode over long caches: as `triton_split_k`, with the cache on its way before the kernel before this one has ended.

All slots but the newest are older than that kernel. So each program loads its first block before it waits and asks the
L2 for the next ones (`ahead`), which keeps memory busy while queries are normed and rotated. The newest slot is loaded
after the wait by the one program that has it. Programs are few and take many blocks each, in a pipeline as deep as
shared memory allows: many short programs would each wait for a first block with nothing else under way on their
multiprocessor.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs
from .triton_split_k import LEAST_ROWS, attend, sdpa_combine_kernel
from .triton_split_k import supports as supports

SPACE = {
    "block_n": [16, 32, 64],
    "programs": [64, 128, 256, 512],
    "num_warps": [4, 8],
    "num_stages": [2, 3, 4, 5, 6],
    "block_d": [16, 32, 64],
    "ahead": [0, 1, 2, 4],
}
PREFETCH = tl.constexpr("""{
    .reg .pred first;
    .reg .b32 thread;
    mov.u32 thread, %tid.x;
    setp.eq.u32 first, thread, 0;
    @first cp.async.bulk.prefetch.L2.global [$1], $2;
    mov.b32 $0, 0;
}""")


@triton.jit
def prefetch(start, BYTES: tl.constexpr):
    """Ask the L2 for `BYTES` from the address `start` on, once a program (sm_90 on)."""
    tl.inline_asm_elementwise(PREFETCH, "=r,l,n", [start.to(tl.int64), BYTES], dtype=tl.int32, is_pure=False, pack=1)


@triton.jit
def sdpa_ahead_kernel(
    q, k_cache, v_cache, positions, partial, largest, total, SCALE_LOG2: tl.constexpr,
    stride_qb, stride_qh, stride_kb, stride_kh, stride_vb, stride_vh,
    GROUP: tl.constexpr, ROWS: tl.constexpr, HEAD_DIM: tl.constexpr, SPLITS: tl.constexpr, BLOCK_N: tl.constexpr,
    AHEAD: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    # The position, and all slots before it, are older than the kernel before.
    seen = (tl.load(positions, cache_modifier=".cg") + 1).to(tl.int32)
    split = tl.program_id(0)
    kv_head = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)
    blocks = tl.cdiv(seen, BLOCK_N)
    row, d, slot = tl.arange(0, ROWS), tl.arange(0, HEAD_DIM), tl.arange(0, BLOCK_N)
    keys = k_cache + batch * stride_kb + kv_head * stride_kh
    values = v_cache + batch * stride_vb + kv_head * stride_vh
    n = split * BLOCK_N + slot
    k_at = keys + n.to(tl.int64)[None, :] * HEAD_DIM + d[:, None]
    v_at = values + n.to(tl.int64)[:, None] * HEAD_DIM + d[None, :]
    old = n < (seen - 1 if OVERLAP else seen)
    k = tl.load(k_at, mask=old[None, :], other=0.0)  # [head_dim, block_n]
    v = tl.load(v_at, mask=old[:, None], other=0.0)  # [block_n, head_dim]
    if OVERLAP:
        for i in tl.static_range(1, AHEAD + 1):
            start = (split + i * SPLITS) * BLOCK_N
            if start + BLOCK_N < seen:
                prefetch(keys + start.to(tl.int64) * HEAD_DIM, BLOCK_N * HEAD_DIM * (k.dtype.primitive_bitwidth // 8))
                prefetch(values + start.to(tl.int64) * HEAD_DIM, BLOCK_N * HEAD_DIM * (k.dtype.primitive_bitwidth // 8))
    wait_for_inputs(OVERLAP)
    if split >= blocks:
        return
    row_ok = row < GROUP
    head = kv_head * GROUP + row
    queries = tl.load(q + batch * stride_qb + head[:, None] * stride_qh + d[None, :], mask=row_ok[:, None], other=0.0)
    if OVERLAP:
        newest = n == seen - 1
        if split == blocks - 1:  # it has the newest slot
            k = tl.where(newest[None, :], tl.load(k_at, mask=newest[None, :], other=0.0), k)
            v = tl.where(newest[:, None], tl.load(v_at, mask=newest[:, None], other=0.0), v)
    top = tl.full((ROWS,), float("-inf"), tl.float32)
    sum_exp = tl.zeros((ROWS,), tl.float32)
    acc = tl.zeros((ROWS, HEAD_DIM), tl.float32)
    top, sum_exp, acc = attend(top, sum_exp, acc, queries, k, v, (n < seen)[None, :], SCALE_LOG2)
    for block in range(split + SPLITS, blocks, SPLITS):
        n = block * BLOCK_N + slot
        n_ok = n < seen
        at = n.to(tl.int64) * HEAD_DIM
        k = tl.load(keys + at[None, :] + d[:, None], mask=n_ok[None, :], other=0.0)
        v = tl.load(values + at[:, None] + d[None, :], mask=n_ok[:, None], other=0.0)
        top, sum_exp, acc = attend(top, sum_exp, acc, queries, k, v, n_ok[None, :], SCALE_LOG2)
    index = (batch * tl.num_programs(1) * GROUP + head) * SPLITS + split
    tl.store(partial + index[:, None] * HEAD_DIM + d[None, :], acc, mask=row_ok[:, None])
    tl.store(largest + index, top, mask=row_ok)
    tl.store(total + index, sum_exp, mask=row_ok)


def run(
    q: Tensor, k_cache: Tensor, v_cache: Tensor, positions: Tensor,
    *, block_n: int = 32, programs: int = 128, num_warps: int = 4, num_stages: int = 5, block_d: int = 32,
    ahead: int = 2, overlap: bool = False,
) -> Tensor:  # fmt: skip
    """`programs`: how many the cache is split over, all sequences and kv heads together; at least one each. `block_d`:
    columns of a head that a program combines. `ahead`: blocks after its first that a program asks the L2 for early.
    """
    batch, length, heads, head_dim = q.shape
    assert length == 1, "one position at a time"
    overlap = starts_early(overlap)
    kv_heads, capacity = k_cache.shape[1], k_cache.shape[2]
    assert k_cache.stride(2) == v_cache.stride(2) == head_dim, "a head's slots follow each other"
    useful = triton.next_power_of_2(triton.cdiv(capacity, block_n))
    splits = min(triton.next_power_of_2(triton.cdiv(programs, batch * kv_heads)), useful)
    group = heads // kv_heads
    partial = torch.empty(batch, heads, splits, head_dim, dtype=torch.float32, device=q.device)
    largest, total = torch.empty(2, batch, heads, splits, dtype=torch.float32, device=q.device).unbind()
    out = torch.empty(batch, 1, heads, head_dim, dtype=q.dtype, device=q.device)
    sdpa_ahead_kernel[(splits, kv_heads, batch)](
        q, k_cache, v_cache, positions, partial, largest, total, head_dim**-0.5 * 1.4426950408889634,
        q.stride(0), q.stride(2), *k_cache.stride()[:2], *v_cache.stride()[:2],
        group, max(LEAST_ROWS, triton.next_power_of_2(group)), head_dim, splits, block_n,
        ahead, overlap, num_warps=num_warps, num_stages=num_stages, **launch_options(overlap),
    )  # fmt: skip
    block_d = min(block_d, head_dim)
    sdpa_combine_kernel[(batch * heads, head_dim // block_d)](
        partial, largest, total, positions, out, head_dim, splits, block_n, block_d, overlap,
        num_warps=4, **launch_options(overlap),
    )  # fmt: skip
    return out
