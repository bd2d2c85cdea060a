"""One program per (token, expert) pair and block of rows, with the access pattern of the kernel published in ExecuTorch
pull request 18551: the byte of every k is addressed at k // 2, so each is read twice. It is what is measured, not
improved.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor


def supports(case: Any) -> str | None:
    return block_k_fits(case.answer.tunables.get("block_k", 32), case.dims["group"])


def block_k_fits(block_k: int, group: int) -> str | None:
    """A block of k lies in one group, or is made of whole groups."""
    if group % block_k and block_k % group:
        return f"block_k {block_k} neither divides the group of {group} nor is a multiple of it"
    return None


@triton.jit
def vecmat_step(
    total, values, weight_at, scale_rows, start, k, k_ok, rows_ok, GROUP: tl.constexpr, BLOCK_K: tl.constexpr
):  # fmt: skip
    """total [block_n] plus the product of values [block_k] with the weights at `weight_at` [block_k, block_n], whose
    scales lie at `scale_rows` [block_n]; k [block_k] counts from `start`."""
    mask = k_ok[:, None] & rows_ok[None, :]
    packed = tl.load(weight_at, mask=mask, other=0)
    level = ((packed >> ((k % 2) * 4)[:, None]) & 15).to(tl.float32) - 8.0
    if BLOCK_K <= GROUP:
        scale = tl.load(scale_rows + start // GROUP, mask=rows_ok, other=0.0)[None, :]
    else:
        scale = tl.load(scale_rows[None, :] + ((start + k) // GROUP)[:, None], mask=mask, other=0.0)
    # The values are cast here and not where they are loaded: that would exchange them between threads, behind a
    # barrier, before a single weight is asked for (seen in the machine code for sm_90 at 8 x 256).
    return total + tl.sum(values[:, None].to(tl.float32) * (level * scale.to(tl.float32)), axis=0)


@triton.jit
def gate_up_kernel(
    x, expert_ids, weight, scale, out, stride_x,
    ROWS: tl.constexpr, K: tl.constexpr, TOP_K: tl.constexpr, GROUP: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(ROWS, BLOCK_N)
    pair = tl.program_id(0) // blocks
    n = (tl.program_id(0) % blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
    rows_ok = n < ROWS
    k = tl.arange(0, BLOCK_K)
    row = tl.load(expert_ids + pair).to(tl.int64) * ROWS + n
    weight_at = weight + (k // 2)[:, None] + (row * (K // 2))[None, :]
    scale_rows = scale + row * (K // GROUP)
    x_at = x + (pair // TOP_K) * stride_x + k
    total = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        k_ok = k < K - start
        values = tl.load(x_at, mask=k_ok, other=0.0)
        total = vecmat_step(total, values, weight_at, scale_rows, start, k, k_ok, rows_ok, GROUP, BLOCK_K)
        x_at += BLOCK_K
        weight_at += BLOCK_K // 2
    tl.store(out + pair.to(tl.int64) * ROWS + n, total.to(out.dtype.element_ty), mask=rows_ok)


def run(
    x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 32, block_k: int = 32, num_warps: int = 2, num_stages: int = 2,
) -> Tensor:  # fmt: skip
    tokens, top_k = expert_ids.shape
    rows = weight.shape[1]
    out = torch.empty(tokens * top_k, rows, dtype=x.dtype, device=x.device)
    gate_up_kernel[(tokens * top_k * triton.cdiv(rows, block_n),)](
        x, expert_ids, weight, scale, out, x.stride(0), rows, 2 * weight.shape[2], top_k, group, block_n, block_k,
        num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out
