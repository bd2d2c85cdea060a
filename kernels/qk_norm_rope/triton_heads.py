"""One program per token and head: a query head is normed and rotated, a key head goes to the cache, a value head too.

The partner of a rotated value lies half a rotation away in the same head. It is loaded again, from the cache that the
first load filled, and normed with its own weight, since threads hold different elements.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"num_warps": [1, 2, 4]}


def supports(case: Any) -> str | None:
    width = case.dims["head_dim"]
    return f"head_dim {width} is no power of two" if width & (width - 1) else None


@triton.jit
def _rotated(row, weight, cosines, sines, position, EPS: tl.constexpr, WIDTH: tl.constexpr, ROTARY: tl.constexpr):
    i = tl.arange(0, WIDTH)
    half: tl.constexpr = ROTARY // 2
    rotates = i < ROTARY
    partner = tl.where(rotates, (i + half) % ROTARY, i)
    values = tl.load(row + i).to(tl.float32)
    root = tl.rsqrt(tl.sum(values * values) / WIDTH + EPS)
    own = values * root * (1.0 + tl.load(weight + i).to(tl.float32))
    other = tl.load(row + partner).to(tl.float32) * root * (1.0 + tl.load(weight + partner).to(tl.float32))
    cosine = tl.load(cosines + position * half + i % half, mask=rotates, other=1.0)
    sine = tl.load(sines + position * half + i % half, mask=rotates, other=0.0)
    return own * cosine + tl.where(i < half, -other, other) * sine


@triton.jit
def heads_kernel(
    q, k, v, q_weight, k_weight, EPS: tl.constexpr, positions, cosines, sines, k_cache, v_cache, out,
    length, capacity, stride_qb, stride_qt, stride_kb, stride_kt, stride_vb, stride_vt,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, ROTARY: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    head = tl.program_id(0)
    batch = (tl.program_id(1) // length).to(tl.int64)
    t = tl.program_id(1) % length
    i = tl.arange(0, WIDTH)
    # The position is older than the kernel before.
    position = tl.load(positions + t, cache_modifier=".cg")
    wait_for_inputs(OVERLAP)
    if head < HEADS:
        row = q + batch * stride_qb + t * stride_qt + head * WIDTH
        value = _rotated(row, q_weight, cosines, sines, position, EPS, WIDTH, ROTARY)
        tl.store(out + ((batch * length + t) * HEADS + head) * WIDTH + i, value.to(out.dtype.element_ty))
    elif head < HEADS + KV_HEADS:
        kv_head = head - HEADS
        row = k + batch * stride_kb + t * stride_kt + kv_head * WIDTH
        value = _rotated(row, k_weight, cosines, sines, position, EPS, WIDTH, ROTARY)
        at = ((batch * KV_HEADS + kv_head) * capacity + position) * WIDTH
        tl.store(k_cache + at + i, value.to(k_cache.dtype.element_ty))
    else:
        kv_head = head - HEADS - KV_HEADS
        at = ((batch * KV_HEADS + kv_head) * capacity + position) * WIDTH
        tl.store(v_cache + at + i, tl.load(v + batch * stride_vb + t * stride_vt + kv_head * WIDTH + i))


@cache
def rotation(rotary_dim: int, theta: float, capacity: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every position's angles, [capacity, rotary_dim / 2] float32, by the arithmetic of the
    definition; sine and cosine of angles this large would need a stack in the kernel."""
    exponents = torch.arange(0, rotary_dim, 2, device=device, dtype=torch.float32) / rotary_dim
    angles = torch.arange(capacity, device=device, dtype=torch.float32).unsqueeze(-1) * theta**-exponents
    return angles.cos(), angles.sin()


def run(
    q: Tensor, k: Tensor, v: Tensor, q_weight: Tensor, k_weight: Tensor, eps: float, positions: Tensor,
    rotary_dim: int, theta: float, k_cache: Tensor, v_cache: Tensor, *, num_warps: int = 2,
    overlap: bool = False,
) -> Tensor:  # fmt: skip
    overlap = starts_early(overlap)
    batch, length, heads, width = q.shape
    kv_heads, capacity = k_cache.shape[1:3]
    cosines, sines = rotation(rotary_dim, theta, capacity, q.device)
    out = torch.empty(batch, length, heads, width, dtype=q.dtype, device=q.device)
    heads_kernel[(heads + 2 * kv_heads, batch * length)](
        q, k, v, q_weight, k_weight, eps, positions, cosines, sines, k_cache, v_cache, out,
        length, capacity, q.stride(0), q.stride(1), k.stride(0), k.stride(1), v.stride(0), v.stride(1),
        heads, kv_heads, width, rotary_dim, overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return out
