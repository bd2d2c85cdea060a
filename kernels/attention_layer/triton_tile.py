"""One sequence in four kernels: norm and projection, attention over parts of the cache, its gated combination, the
projection back. Products are those of `int4_tile`.

Every program of the second norms and rotates the queries of its kv head, and the newest key, which one of them writes
to the cache: no program reads that slot from there. Several sequences, and long caches, whose loads have to be
pipelined, take the kernels of the single ops.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..add_rms_norm.triton_rows import run as add_norm
from ..int4_mm.triton_words import run as int4_mm
from ..int4_tile import normed_rows, plain_rows, ready_position, ready_value, tile_rows
from ..int4_words import words_of
from ..overlap import launch_options, starts_early, wait_for_inputs
from ..qk_norm_rope.triton_heads import rotation
from ..qk_norm_rope.triton_heads import run as normed_heads
from ..sdpa.triton_split_k import LEAST_ROWS, attend
from ..sdpa.triton_split_k import run as attention
from ..sdpa.triton_split_k import supports as attention_supported
from ..sigmoid_gate.triton_rows import run as gated
from ..tensor_cores import rounded
from ..tile_asm import tile_asm, tile_constraints, tile_fits

SPACE = {
    "in_warps": [1, 2, 4], "block_n": [16, 32, 64], "programs": [128, 256, 512], "split_warps": [4, 8],
    "block_d": [32, 64, 128], "out_warps": [4, 8],
}  # fmt: skip

LONG = 4096
"""Slots of a cache above which a program has too many blocks for loads without a pipeline."""


def supports(case: Any) -> str | None:
    dims, tunables = case.dims, case.answer.tunables
    rows, values = 2 * (dims["heads"] + dims["kv_heads"]) * dims["head_dim"], dims["heads"] * dims["head_dim"]
    return (
        attention_supported(case)
        or tile_fits(rows, dims["hidden"], dims["group"], tunables.get("in_warps", 2), case.activations)
        or tile_fits(dims["hidden"], values, dims["group"], tunables.get("out_warps", 8), case.activations)
    )


@triton.jit
def attention_in_tile_kernel(
    x, y, ln_weight, z, weight, scale, out,
    EPS: tl.constexpr, K: tl.constexpr, CHUNKS: tl.constexpr, WARPS: tl.constexpr, ASM: tl.constexpr,
    CONSTRAINTS: tl.constexpr,
):  # fmt: skip
    first = tl.program_id(0) * 16
    total = normed_rows(x, y, ln_weight, z, weight, scale, first, EPS, K, CHUNKS, WARPS, ASM, CONSTRAINTS)
    tl.store(out + first + tile_rows(), total.to(out.dtype.element_ty))


@triton.jit
def _factors(weight, cosines, sines, position, WIDTH: tl.constexpr, ROTARY: tl.constexpr):
    """By value of a head: the index of its partner, factors of itself and of the partner, each [width]."""
    i = tl.arange(0, WIDTH)
    half: tl.constexpr = ROTARY // 2
    rotates = i < ROTARY
    partner = tl.where(rotates, (i + half) % ROTARY, i)
    cosine = tl.load(cosines + position * half + i % half, mask=rotates, other=1.0)
    sine = tl.load(sines + position * half + i % half, mask=rotates, other=0.0)
    own = (1.0 + tl.load(weight + i).to(tl.float32)) * cosine
    other = (1.0 + tl.load(weight + partner).to(tl.float32)) * tl.where(i < half, -sine, sine)
    return partner, own, other


@triton.jit
def attention_split_kernel(
    rows, positions, cosines, sines, q_weight, k_weight, k_cache, v_cache, partial, largest, total,
    SCALE_LOG2: tl.constexpr, capacity, EPS: tl.constexpr, HEADS: tl.constexpr, KV_HEADS: tl.constexpr,
    ROWS: tl.constexpr, HEAD_DIM: tl.constexpr, ROTARY: tl.constexpr, SPLITS: tl.constexpr, BLOCK_N: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    """rows: the projection's result. partial [heads, splits, head_dim], largest and total [heads, splits] float32."""
    GROUP: tl.constexpr = HEADS // KV_HEADS
    split, kv_head = tl.program_id(0), tl.program_id(1)
    # The position and all older slots are a step old: they may be read before the wait.
    position = tl.load(positions, cache_modifier=".cg").to(tl.int32)
    d, slot, row = tl.arange(0, HEAD_DIM), tl.arange(0, BLOCK_N), tl.arange(0, ROWS)
    partner, q_own, q_other = _factors(q_weight, cosines, sines, position, HEAD_DIM, ROTARY)
    _, k_own, k_other = _factors(k_weight, cosines, sines, position, HEAD_DIM, ROTARY)
    keys = k_cache + kv_head.to(tl.int64) * capacity * HEAD_DIM
    values = v_cache + kv_head.to(tl.int64) * capacity * HEAD_DIM
    n = split * BLOCK_N + slot
    k = tl.load(keys + n[None, :] * HEAD_DIM + d[:, None], mask=(n < position)[None, :], other=0.0)
    v = tl.load(values + n[:, None] * HEAD_DIM + d[None, :], mask=(n < position)[:, None], other=0.0)
    wait_for_inputs(OVERLAP)
    blocks = position // BLOCK_N + 1
    if split >= blocks:
        return
    head = kv_head * GROUP + row
    q_at = rows + head[:, None] * HEAD_DIM
    ok = (row < GROUP)[:, None]
    q = tl.load(q_at + d[None, :], mask=ok, other=0.0).to(tl.float32)
    q_partner = tl.load(q_at + partner[None, :], mask=ok, other=0.0).to(tl.float32)
    root = tl.rsqrt(tl.sum(q * q, axis=1) / HEAD_DIM + EPS)[:, None]
    queries = rounded((q * q_own[None, :] + q_partner * q_other[None, :]) * root, k.dtype)
    k_at = rows + (2 * HEADS + kv_head) * HEAD_DIM
    new = tl.load(k_at + d).to(tl.float32)
    new_partner = tl.load(k_at + partner).to(tl.float32)
    root = tl.rsqrt(tl.sum(new * new, axis=0) / HEAD_DIM + EPS)
    new_key = rounded((new * k_own + new_partner * k_other) * root, k.dtype)
    new_value = tl.load(k_at + KV_HEADS * HEAD_DIM + d)
    top = tl.full((ROWS,), float("-inf"), tl.float32)
    sum_exp = tl.zeros((ROWS,), tl.float32)
    acc = tl.zeros((ROWS, HEAD_DIM), tl.float32)
    for block in range(split, blocks, SPLITS):
        n = block * BLOCK_N + slot
        if block != split:
            at = n.to(tl.int64) * HEAD_DIM
            k = tl.load(keys + at[None, :] + d[:, None], mask=(n < position)[None, :], other=0.0)
            v = tl.load(values + at[:, None] + d[None, :], mask=(n < position)[:, None], other=0.0)
        k = tl.where((n == position)[None, :], new_key[:, None], k)
        v = tl.where((n == position)[:, None], new_value[None, :], v)
        top, sum_exp, acc = attend(top, sum_exp, acc, queries, k, v, (n <= position)[None, :], SCALE_LOG2)
    if split == (blocks - 1) % SPLITS:
        tl.store(keys + position.to(tl.int64) * HEAD_DIM + d, new_key)
        tl.store(values + position.to(tl.int64) * HEAD_DIM + d, new_value)
    index = head * SPLITS + split
    tl.store(partial + index[:, None] * HEAD_DIM + d[None, :], acc, mask=ok)
    tl.store(largest + index, top, mask=row < GROUP)
    tl.store(total + index, sum_exp, mask=row < GROUP)


@triton.jit
def attention_combine_kernel(
    partial, largest, total, rows, positions, out,
    HEADS: tl.constexpr, HEAD_DIM: tl.constexpr, SPLITS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    CHUNKS: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    head = tl.program_id(0)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    split = tl.arange(0, SPLITS)
    written = split <= tl.load(positions, cache_modifier=".cg").to(tl.int32) // BLOCK_N
    wait_for_inputs(OVERLAP)
    tops = tl.load(largest + head * SPLITS + split, mask=written, other=float("-inf"))
    sums = tl.load(total + head * SPLITS + split, mask=written, other=0.0)
    at = partial + (head * SPLITS + split[:, None]) * HEAD_DIM + d[None, :]
    parts = tl.load(at, mask=written[:, None], other=0.0)
    gate = tl.load(rows + (HEADS + head) * HEAD_DIM + d).to(tl.float32)
    shrink = tl.exp2(tops - tl.max(tops, axis=0))
    result = tl.sum(parts * shrink[:, None], axis=0) / tl.sum(sums * shrink, axis=0)
    at = head * HEAD_DIM + d
    tl.store(out + ready_position(at, CHUNKS), ready_value(result * tl.sigmoid(gate), at))


@triton.jit
def attention_out_tile_kernel(
    x, weight, scale, out, K: tl.constexpr, CHUNKS: tl.constexpr, WARPS: tl.constexpr, ASM: tl.constexpr,
    CONSTRAINTS: tl.constexpr,
):  # fmt: skip
    first = tl.program_id(0) * 16
    total = plain_rows(x, weight, scale, first, True, K, CHUNKS, WARPS, ASM, CONSTRAINTS)
    tl.store(out + first + tile_rows(), total.to(out.dtype.element_ty))


def run(
    x: Tensor, y: Tensor, ln_weight: Tensor, in_weight: Tensor, in_scale: Tensor, q_weight: Tensor, k_weight: Tensor,
    out_weight: Tensor, out_scale: Tensor, positions: Tensor, k_cache: Tensor, v_cache: Tensor, heads: int,
    rotary_dim: int, theta: float, eps: float, group: int,
    *, in_warps: int = 2, block_n: int = 32, programs: int = 512, split_warps: int = 4, block_d: int = 32,
    out_warps: int = 8, together: int = 4, overlap: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`programs`: how many the cache is split over, all kv heads together."""
    capacity, width = k_cache.shape[2:]
    if x.shape[0] > 1 or capacity > LONG:
        return _several(
            x, y, ln_weight, in_weight, in_scale, q_weight, k_weight, out_weight, out_scale, positions, k_cache,
            v_cache, heads, rotary_dim, theta, eps, group, overlap,
        )  # fmt: skip
    early = starts_early(overlap)
    options, hidden, count = launch_options(early), x.shape[2], in_weight.shape[0]
    x, y = x.contiguous(), y.contiguous()
    z, out = torch.empty_like(x), torch.empty(1, 1, out_weight.shape[0], dtype=x.dtype, device=x.device)
    rows = torch.empty(count, dtype=x.dtype, device=x.device)
    in_chunks, out_chunks = hidden // 128 // in_warps, heads * width // 128 // out_warps
    attention_in_tile_kernel[(count // 16,)](
        x, y, ln_weight, z, words_of(in_weight), in_scale, rows, eps, hidden, in_chunks, in_warps,
        tile_asm(in_chunks, early, "normed", together, in_warps), tile_constraints(True),
        num_warps=in_warps, **options,
    )  # fmt: skip
    mixed = attend_rows(
        rows, q_weight, k_weight, positions, k_cache, v_cache, heads, rotary_dim, theta, eps, block_n, programs,
        split_warps, block_d, out_chunks, early,
    )  # fmt: skip
    attention_out_tile_kernel[(out_weight.shape[0] // 16,)](
        mixed, words_of(out_weight), out_scale, out, heads * width, out_chunks, out_warps,
        tile_asm(out_chunks, early, together=together), tile_constraints(), num_warps=out_warps, **options,
    )  # fmt: skip
    return z, out


def attend_rows(
    rows: Tensor, q_weight: Tensor, k_weight: Tensor, positions: Tensor, k_cache: Tensor, v_cache: Tensor, heads: int,
    rotary_dim: int, theta: float, eps: float, block_n: int, programs: int, split_warps: int, block_d: int,
    chunks: int, early: bool,
) -> Tensor:  # fmt: skip
    """One row of the projection -> gated attention [heads * head_dim], in the order of a product whose warps have
    `chunks` groups each."""
    kv_heads, capacity, width = k_cache.shape[1:]
    options = launch_options(early)
    useful = triton.next_power_of_2(triton.cdiv(capacity, block_n))
    splits = min(triton.next_power_of_2(triton.cdiv(programs, kv_heads)), useful)
    mixed = torch.empty(heads * width, dtype=rows.dtype, device=rows.device)
    partial = torch.empty(heads, splits, width, dtype=torch.float32, device=rows.device)
    largest, total = (torch.empty(heads, splits, dtype=torch.float32, device=rows.device) for _ in range(2))
    cosines, sines = rotation(rotary_dim, theta, capacity, rows.device)
    attention_split_kernel[(splits, kv_heads)](
        rows, positions, cosines, sines, q_weight, k_weight, k_cache, v_cache, partial, largest, total,
        width**-0.5 * 1.4426950408889634, capacity, eps, heads, kv_heads,
        max(LEAST_ROWS, triton.next_power_of_2(heads // kv_heads)), width, rotary_dim, splits, block_n, early,
        num_warps=split_warps, num_stages=1, **options,
    )  # fmt: skip
    block_d = min(block_d, width)
    attention_combine_kernel[(heads, width // block_d)](
        partial, largest, total, rows, positions, mixed, heads, width, splits, block_n, block_d, chunks, early,
        num_warps=4, **options,
    )  # fmt: skip
    return mixed


def _several(
    x: Tensor, y: Tensor, ln_weight: Tensor, in_weight: Tensor, in_scale: Tensor, q_weight: Tensor, k_weight: Tensor,
    out_weight: Tensor, out_scale: Tensor, positions: Tensor, k_cache: Tensor, v_cache: Tensor, heads: int,
    rotary_dim: int, theta: float, eps: float, group: int, overlap: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """By the kernels of the single ops, which read the weights once for all sequences."""
    kv_heads, width = k_cache.shape[1], k_cache.shape[3]
    z, normed = add_norm(x.flatten(0, 1), y.flatten(0, 1), ln_weight, eps, overlap=overlap)
    rows = int4_mm(normed, in_weight, in_scale, group, overlap=overlap)
    q, gate, k, v = rows.split((heads * width, heads * width, kv_heads * width, kv_heads * width), dim=-1)
    q, k, v = (part.unflatten(-1, (-1, width)).unsqueeze(1) for part in (q, k, v))
    q = normed_heads(
        q, k, v, q_weight, k_weight, eps, positions, rotary_dim, theta, k_cache, v_cache, overlap=overlap
    )  # fmt: skip
    out = attention(q, k_cache, v_cache, positions, block_n=64, programs=512, num_stages=4, block_d=32, overlap=overlap)
    out = gated(out.view(gate.shape), gate, overlap=overlap)
    return z.view(x.shape), int4_mm(out, out_weight, out_scale, group, overlap=overlap).view(x.shape)
