"""One program per (token, expert) pair and block of rows, with the access pattern of the kernel published in ExecuTorch
pull request 18551: every program forms SiLU(gate) * up on the fly, the pairs' products go through memory and are summed
over a token's experts by torch. It is what is measured, not improved.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..moe_gate_up.triton_vecmat import block_k_fits, vecmat_step


def supports(case: Any) -> str | None:
    return block_k_fits(case.answer.tunables.get("block_k", 32), case.dims["group"])


@triton.jit
def down_kernel(
    gate_up, expert_ids, expert_weights, weight, scale, out,
    ROWS: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(ROWS, BLOCK_N)
    pair = (tl.program_id(0) // blocks).to(tl.int64)
    n = (tl.program_id(0) % blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
    rows_ok = n < ROWS
    k = tl.arange(0, BLOCK_K)
    row = tl.load(expert_ids + pair).to(tl.int64) * ROWS + n
    weight_at = weight + (k // 2)[:, None] + (row * (K // 2))[None, :]
    scale_rows = scale + row * (K // GROUP)
    gate_at = gate_up + pair * 2 * K + k
    total = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        k_ok = k < K - start
        gate = tl.load(gate_at, mask=k_ok, other=0.0).to(tl.float32)
        up = tl.load(gate_at + K, mask=k_ok, other=0.0).to(tl.float32)
        values = gate * tl.sigmoid(gate) * up
        total = vecmat_step(total, values, weight_at, scale_rows, start, k, k_ok, rows_ok, GROUP, BLOCK_K)
        gate_at += BLOCK_K
        weight_at += BLOCK_K // 2
    total *= tl.load(expert_weights + pair)
    tl.store(out + pair * ROWS + n, total.to(out.dtype.element_ty), mask=rows_ok)


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 32, block_k: int = 32, num_warps: int = 2, num_stages: int = 2,
) -> Tensor:  # fmt: skip
    tokens, top_k = expert_ids.shape
    rows = weight.shape[1]
    products = torch.empty(tokens, top_k, rows, dtype=gate_up.dtype, device=gate_up.device)
    down_kernel[(tokens * top_k * triton.cdiv(rows, block_n),)](
        gate_up, expert_ids, expert_weights, weight, scale, products,
        rows, 2 * weight.shape[2], group, block_n, block_k, num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return products.sum(1)
