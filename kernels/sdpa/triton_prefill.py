"""Prefill: blocks of queries against the cache up to the last position of the block, with a running maximum.

The positions are read on the device. Slots that no query of a block may see are never loaded, so the allocated but
unused part of the cache costs nothing. Late blocks, which see most, start first.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..tensor_cores import rounded
from .triton_split_k import attend

SPACE = {"block_m": [64, 128], "block_n": [32, 64, 128], "num_warps": [4, 8], "num_stages": [2, 3]}


def supports(case: Any) -> str | None:
    head_dim = case.dims["head_dim"]
    return f"head_dim {head_dim} is no power of two from 16 on" if head_dim & (head_dim - 1) or head_dim < 16 else None


@triton.jit
def sdpa_prefill_kernel(
    q, k_cache, v_cache, positions, out, length, SCALE_LOG2: tl.constexpr,
    stride_qb, stride_qm, stride_qh, stride_kb, stride_kh, stride_kn, stride_vb, stride_vh, stride_vn,
    HEADS: tl.constexpr, GROUP: tl.constexpr, HEAD_DIM: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    block_m = tl.num_programs(0) - 1 - tl.program_id(0)
    head = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)
    m = block_m * BLOCK_M + tl.arange(0, BLOCK_M)
    m_ok = m < length
    d = tl.arange(0, HEAD_DIM)
    slot = tl.arange(0, BLOCK_N)
    position = tl.load(positions + m, mask=m_ok, other=0).to(tl.int32)
    first, last = tl.min(tl.where(m_ok, position, 2147483647), axis=0), tl.max(position, axis=0)
    at = q + batch * stride_qb + m.to(tl.int64)[:, None] * stride_qm + head * stride_qh + d[None, :]
    queries = tl.load(at, mask=m_ok[:, None], other=0.0)
    keys = k_cache + batch * stride_kb + (head // GROUP) * stride_kh + d[:, None] + slot[None, :] * stride_kn
    values = v_cache + batch * stride_vb + (head // GROUP) * stride_vh + d[None, :] + slot[:, None] * stride_vn
    top = tl.full((BLOCK_M,), float("-inf"), tl.float32)
    sum_exp = tl.zeros((BLOCK_M,), tl.float32)
    acc = tl.zeros((BLOCK_M, HEAD_DIM), tl.float32)
    # Every query sees slot 0, so the maximum is finite from the first block on; the blocks before the first query's
    # position need no mask.
    whole = (first + 1) // BLOCK_N
    for start in range(0, whole * BLOCK_N, BLOCK_N):
        k = tl.load(keys + start * stride_kn)
        v = tl.load(values + start * stride_vn)
        top, sum_exp, acc = attend(top, sum_exp, acc, queries, k, v, None, SCALE_LOG2)
    for start in tl.range(whole * BLOCK_N, last + 1, BLOCK_N, num_stages=1):  # one stage: no register spilt
        n = start + slot
        k = tl.load(keys + start * stride_kn, mask=n[None, :] <= last, other=0.0)
        v = tl.load(values + start * stride_vn, mask=n[:, None] <= last, other=0.0)
        visible = n[None, :] <= position[:, None]
        top, sum_exp, acc = attend(top, sum_exp, acc, queries, k, v, visible, SCALE_LOG2)
    result = rounded(acc / sum_exp[:, None], out.dtype.element_ty)
    row = (batch * length + m) * HEADS + head
    tl.store(out + row[:, None] * HEAD_DIM + d[None, :], result, mask=m_ok[:, None])


def run(
    q: Tensor, k_cache: Tensor, v_cache: Tensor, positions: Tensor,
    *, block_m: int = 128, block_n: int = 32, num_warps: int = 8, num_stages: int = 3,
) -> Tensor:  # fmt: skip
    batch, length, heads, head_dim = q.shape
    out = torch.empty(batch, length, heads, head_dim, dtype=q.dtype, device=q.device)
    sdpa_prefill_kernel[(triton.cdiv(length, block_m), heads, batch)](
        q, k_cache, v_cache, positions, out, length, head_dim**-0.5 * 1.4426950408889634,
        *q.stride()[:3], *k_cache.stride()[:3], *v_cache.stride()[:3],
        heads, heads // k_cache.shape[1], head_dim, block_m, block_n, num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out
