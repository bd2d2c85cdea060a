"""The decode step in one kernel: a program owns all k rows of `block_v` columns of one head's state, in place.

All state is read once and written once; the norms of q and k, the decay and beta are formed by every program again,
since they are 128 values and 2 numbers a head.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs


def supports(case: Any) -> str | None:
    """Its state tile has power-of-two sides."""
    k_dim, v_dim = case.dims["k_dim"], case.dims["v_dim"]
    block_v = case.answer.tunables.get("block_v", 16)
    if k_dim & (k_dim - 1):
        return f"k_dim {k_dim} is no power of two"
    return f"block_v {block_v} does not divide v_dim {v_dim}" if v_dim % block_v else None


@triton.jit
def recurrent_kernel(
    qkv, a, b, a_log, dt_bias, state, out, length, stride_qb, stride_qt, stride_ab, stride_at,
    K_HEADS: tl.constexpr, V_HEADS: tl.constexpr, K_DIM: tl.constexpr, V_DIM: tl.constexpr, BLOCK_V: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    batch = (tl.program_id(1) // V_HEADS).to(tl.int64)
    head = tl.program_id(1) % V_HEADS
    k_head = head // (V_HEADS // K_HEADS)
    k = tl.arange(0, K_DIM)
    v = tl.program_id(0) * BLOCK_V + tl.arange(0, BLOCK_V)
    tile = state + ((batch * V_HEADS + head) * K_DIM + k[:, None]) * V_DIM + v[None, :]
    s = tl.load(tile)
    rate = tl.exp(tl.load(a_log + head))
    bias = tl.load(dt_bias + head)
    wait_for_inputs(OVERLAP)
    for t in range(length):
        row = qkv + batch * stride_qb + t * stride_qt
        query = tl.load(row + k_head * K_DIM + k).to(tl.float32)
        key = tl.load(row + (K_HEADS + k_head) * K_DIM + k).to(tl.float32)
        value = tl.load(row + 2 * K_HEADS * K_DIM + head * V_DIM + v).to(tl.float32)
        query *= tl.rsqrt(tl.sum(query * query) + 1e-6) * (K_DIM**-0.5)
        key *= tl.rsqrt(tl.sum(key * key) + 1e-6)
        step = tl.load(a + batch * stride_ab + t * stride_at + head).to(tl.float32) + bias
        softplus = tl.where(step > 20.0, step, tl.log(1.0 + tl.exp(tl.minimum(step, 20.0))))
        beta = tl.sigmoid(tl.load(b + batch * stride_ab + t * stride_at + head).to(tl.float32))
        s *= tl.exp(-rate * softplus)
        change = beta * (value - tl.sum(s * key[:, None], axis=0))
        s += key[:, None] * change[None, :]
        result = tl.sum(s * query[:, None], axis=0)
        tl.store(out + ((batch * length + t) * V_HEADS + head) * V_DIM + v, result.to(out.dtype.element_ty))
    tl.store(tile, s)


def run(
    qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int,
    *, block_v: int = 16, num_warps: int = 2, overlap: bool = False,
) -> Tensor:  # fmt: skip
    overlap = starts_early(overlap)
    qkv = qkv if qkv.stride(-1) == 1 else qkv.contiguous()  # as a convolution in torch returns it
    batch, length = qkv.shape[:2]
    _, v_heads, k_dim, v_dim = state.shape
    if a.stride() != b.stride():
        a, b = a.contiguous(), b.contiguous()
    out = torch.empty(batch, length, v_heads, v_dim, dtype=qkv.dtype, device=qkv.device)
    recurrent_kernel[(v_dim // block_v, batch * v_heads)](
        qkv, a, b, a_log, dt_bias, state, out, length, qkv.stride(0), qkv.stride(1), a.stride(0), a.stride(1),
        k_heads, v_heads, k_dim, v_dim, block_v, overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return out
