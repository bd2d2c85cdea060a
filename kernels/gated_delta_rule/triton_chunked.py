"""Prefill in chunks: the first kernel forms the chunk-local terms of all chunks at once, and the second walks through
the chunks with the state in registers.

With the names of `torch_chunked`, a chunk's updates are U = T (beta V) - T (beta e^g K) S =: U0 - W S with T = (I +
A)^-1 (the WY form). The first kernel forms U0, W and the chunk's causal scores P, which leaves three dependent products
a chunk to the second. Decays are exponentials of differences g_t - g_s <= 0 only, so none overflows however strong the
decay is.

The second kernel's products of half precision take float16 operands. Each column of the state and of U is scaled by its
own power of two, keys and queries by one near their norm. So bfloat16 inputs stay exact, and rounded values keep 11
bits. P and U are pairs of such numbers. A row of y whose terms cancel, beside a channel of v that is 100 times the
others, was off by up to 17 % of its size in bfloat16, with its 8 bits. With 11 bits it is 3 %, and 1.2 % with P and U
as pairs (worst of 160).

I + A is inverted by substitution inside diagonal blocks of 16 rows and by products between the blocks. A power series
alone would need fewer steps, but its terms grow like binomials where keys repeat: up to 1e18 for 64 equal keys.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..tensor_cores import dot, dot_from_zero, rounded

SPACE = {
    "block_v": [16, 32, 64],
    "num_warps": [4, 8],
    "num_stages": [2, 3],
    "warps_inside": [4, 8],
    "warps_terms": [4, 8],
}
SUB = tl.constexpr(16)
"""Rows of a diagonal block, and the smallest side of a tensor-core tile."""


def supports(case: Any) -> str | None:
    """Its tiles have power-of-two sides of at least 16."""
    for name in ("k_dim", "v_dim"):
        size = case.dims[name]
        if size < 16 or size & (size - 1):
            return f"{name} {size} is no power of two from 16 on"
    chunk = case.answer.tunables.get("chunk", 64)
    return None if chunk in (16, 32, 64) else f"chunk {chunk} is none of 16, 32, 64"


@triton.jit
def inverse(a, CHUNK: tl.constexpr, PRECISION: tl.constexpr):
    """(I + a)^-1 for a strictly lower [chunk, chunk] float32 of at most 4 blocks of 16.

    With d the diagonal blocks of a and x = (I + d)^-1, f = x (a - d) is block-wise strictly lower, so f^4 = 0 and the
    inverse is (I - f) (I + f^2) x.
    """
    BLOCKS: tl.constexpr = CHUNK // SUB
    block, i = tl.arange(0, BLOCKS), tl.arange(0, SUB)
    own = block[:, None, None, None] == block[None, None, :, None]
    parts = tl.where(own, tl.reshape(a, (BLOCKS, SUB, BLOCKS, SUB)), 0.0)
    columns = tl.permute(tl.sum(parts, axis=2), (0, 2, 1))  # [block, column, row] of the diagonal blocks
    inside = tl.zeros((BLOCKS, SUB, SUB), tl.float32) + (i[:, None] == i[None, :]).to(tl.float32)[None, :, :]
    for r in range(1, SUB):
        factors = tl.sum(tl.where((i == r)[None, None, :], columns, 0.0), axis=2)  # row r of every block
        known = tl.sum(factors[:, :, None] * inside, axis=1)
        inside -= tl.where((i == r)[None, :, None], known[:, None, :], 0.0)
    x = tl.reshape(tl.where(own, inside[:, :, None, :], 0.0), (CHUNK, CHUNK))
    d = tl.reshape(parts, (CHUNK, CHUNK))
    if CHUNK > SUB:
        f = dot_from_zero(x, a - d, PRECISION)
        if CHUNK > 2 * SUB:
            x = dot(dot_from_zero(f, f, PRECISION), x, x, PRECISION)
        x -= dot_from_zero(f, x, PRECISION)
    return x


@triton.jit
def power_of_two(x):
    """The largest power of two that is no larger than x >= 0, between 1e-30 and 1e36."""
    within = tl.minimum(tl.maximum(x, 1e-30), 1e36)
    return (within.to(tl.int32, bitcast=True) & 0x7F800000).to(tl.float32, bitcast=True)


@triton.jit
def product_of_pairs(a, b, half: tl.constexpr):
    """a [m, k] @ b [k, n], float32, by products of `half` precision.

    Each operand is the sum of two; the product of the two smaller parts is left out. For `half` float32 it is one
    product.
    """
    first_a, first_b = a.to(half), b.to(half)
    product = dot_from_zero(first_a, first_b)
    if half != tl.float32:
        product = dot((a - first_a.to(tl.float32)).to(half), first_b, product)
        product = dot(first_a, (b - first_b.to(tl.float32)).to(half), product)
    return product


@triton.jit
def gated_delta_inside_kernel(
    qkv, a, b, a_log, dt_bias, queries, keys, solved, w_factor, u_factor, p_all, from_start, to_end, whole,
    length, stride_qb, stride_qt, stride_ab, stride_at,
    K_HEADS: tl.constexpr, V_HEADS: tl.constexpr, K_DIM: tl.constexpr, CHUNK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The chunk-local terms of one chunk and head.

    Queries and keys [chunk, k_dim] are made about 1 long by powers of two. The results W [chunk, k_dim], U0 [chunk,
    v_dim] and P [chunk, chunk] follow. `from_start` and `to_end` are the factors of a query's answer from the old state
    and of a key's part in the new one; they include the remainder of their norms. `whole` is the decay over the whole
    chunk.
    """
    batch = (tl.program_id(1) // V_HEADS).to(tl.int64)
    head = tl.program_id(1) % V_HEADS
    k_head = head // (V_HEADS // K_HEADS)
    inside = tl.arange(0, CHUNK)
    t = tl.program_id(0) * CHUNK + inside
    ok = t < length
    dim_k = tl.arange(0, K_DIM)
    rows = qkv + batch * stride_qb + t.to(tl.int64)[:, None] * stride_qt
    query = tl.load(rows + (k_head * K_DIM + dim_k)[None, :], mask=ok[:, None], other=0.0)
    key = tl.load(rows + ((K_HEADS + k_head) * K_DIM + dim_k)[None, :], mask=ok[:, None], other=0.0)
    gates = batch * stride_ab + t.to(tl.int64) * stride_at + head
    step = tl.load(a + gates, mask=ok, other=0.0).to(tl.float32) + tl.load(dt_bias + head)
    softplus = tl.where(step > 20.0, step, tl.log(1.0 + tl.exp(tl.minimum(step, 20.0))))
    # Rows past the end decay nothing, and their beta of 0 lets them change nothing.
    g = tl.cumsum(tl.where(ok, -tl.exp(tl.load(a_log + head)) * softplus, 0.0), axis=0)
    beta = tl.where(ok, tl.sigmoid(tl.load(b + gates, mask=ok, other=0.0).to(tl.float32)), 0.0)
    wide_query, wide_key = query.to(tl.float32), key.to(tl.float32)
    unscaled = tl.rsqrt(tl.sum(wide_query * wide_query, axis=1) + 1e-6)
    query_norm = unscaled * (K_DIM**-0.5)
    key_norm = tl.rsqrt(tl.sum(wide_key * wide_key, axis=1) + 1e-6)
    query_unit, key_unit = power_of_two(unscaled), power_of_two(key_norm)

    chunk = tl.program_id(1).to(tl.int64) * tl.num_programs(0) + tl.program_id(0)
    row = chunk * CHUNK + inside
    kept = queries.dtype.element_ty
    total = tl.sum(tl.where(inside == CHUNK - 1, g, 0.0), axis=0)
    place = row[:, None] * K_DIM + dim_k[None, :]
    tl.store(queries + place, (wide_query * query_unit[:, None]).to(kept))
    tl.store(keys + place, (wide_key * key_unit[:, None]).to(kept))
    tl.store(from_start + row, tl.exp(g) * (query_norm / query_unit))
    tl.store(to_end + row, tl.exp(total - g) * (key_norm / key_unit))
    tl.store(whole + chunk, tl.exp(total))

    seen = inside[:, None] >= inside[None, :]
    relative = tl.exp(tl.where(seen, g[:, None] - g[None, :], float("-inf"))) * key_norm[None, :]
    system = dot_from_zero(key, tl.trans(key)) * relative * (beta * key_norm)[:, None]
    system = tl.where(inside[:, None] > inside[None, :], system, 0.0)
    scores = dot_from_zero(query, tl.trans(key)) * relative * query_norm[:, None]
    tl.store(p_all + row[:, None] * CHUNK + inside[None, :], scores)
    tl.store(solved + row[:, None] * CHUNK + inside[None, :], inverse(system, CHUNK, PRECISION))
    tl.store(w_factor + row, beta * tl.exp(g) * key_norm)
    tl.store(u_factor + row, beta)


@triton.jit
def exact_product(a, b, PRECISION: tl.constexpr):
    """a [m, k] float32 @ b [k, n] -> float32. Beside a bfloat16 `b`, which is exact, `a` is a sum of two."""
    if b.dtype == tl.float32:
        return dot_from_zero(a, b, PRECISION)
    first = rounded(a, b.dtype)
    rest = rounded(a - first.to(tl.float32), b.dtype)
    return dot(rest, b, dot_from_zero(first, b))


@triton.jit
def gated_delta_terms_kernel(
    qkv, solved, w_factor, u_factor, w_all, u_all, length, stride_qb, stride_qt,
    K_HEADS: tl.constexpr, V_HEADS: tl.constexpr, K_DIM: tl.constexpr, V_DIM: tl.constexpr, CHUNK: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """W [chunk, k_dim] and U0 [chunk, v_dim] of one chunk and head, from the solved system and factors of its columns.

    They are a kernel of their own, as they need few registers: some blocks share a multiprocessor and hide each other's
    waits.
    """
    batch = (tl.program_id(1) // V_HEADS).to(tl.int64)
    head = tl.program_id(1) % V_HEADS
    k_head = head // (V_HEADS // K_HEADS)
    inside = tl.arange(0, CHUNK)
    t = tl.program_id(0) * CHUNK + inside
    ok = t < length
    dim_k, dim_v = tl.arange(0, K_DIM), tl.arange(0, V_DIM)
    rows = qkv + batch * stride_qb + t.to(tl.int64)[:, None] * stride_qt
    chunk = tl.program_id(1).to(tl.int64) * tl.num_programs(0) + tl.program_id(0)
    row = chunk * CHUNK + inside
    solve = tl.load(solved + row[:, None] * CHUNK + inside[None, :])
    key = tl.load(rows + ((K_HEADS + k_head) * K_DIM + dim_k)[None, :], mask=ok[:, None], other=0.0)
    w = exact_product(solve * tl.load(w_factor + row)[None, :], key, PRECISION)
    tl.store(w_all + row[:, None] * K_DIM + dim_k[None, :], w.to(w_all.dtype.element_ty))
    value = tl.load(rows + (2 * K_HEADS * K_DIM + head * V_DIM + dim_v)[None, :], mask=ok[:, None], other=0.0)
    u = exact_product(solve * tl.load(u_factor + row)[None, :], value, PRECISION)
    tl.store(u_all + row[:, None] * V_DIM + dim_v[None, :], u)


# A count of one would be compiled in and the loop taken out: for sm_90, Triton 3.6 then makes a kernel that is wrong in
# all warps but the first and reads outside of its tensors (seen on an H100 at 32 and 33 tokens).
@triton.jit(do_not_specialize=["chunks"])
def gated_delta_chain_kernel(
    state, out, queries, keys, w_all, u_all, p_all, from_start, to_end, whole, length, chunks,
    V_HEADS: tl.constexpr, K_DIM: tl.constexpr, V_DIM: tl.constexpr, CHUNK: tl.constexpr,
    BLOCK_V: tl.constexpr,
):  # fmt: skip
    """Advance `block_v` columns of one head's state from chunk to chunk."""
    batch = (tl.program_id(1) // V_HEADS).to(tl.int64)
    head = tl.program_id(1) % V_HEADS
    inside, dim_k = tl.arange(0, CHUNK), tl.arange(0, K_DIM)
    dim_v = tl.program_id(0) * BLOCK_V + tl.arange(0, BLOCK_V)
    tile = state + ((batch * V_HEADS + head) * K_DIM + dim_k[:, None]) * V_DIM + dim_v[None, :]
    s = tl.load(tile)
    kept = w_all.dtype.element_ty
    first = tl.program_id(1).to(tl.int64) * chunks
    for chunk in range(chunks):
        t = chunk * CHUNK + inside
        ok = t < length
        row = (first + chunk) * CHUNK + inside
        at = row[:, None] * K_DIM + dim_k[None, :]
        query, key, w = tl.load(queries + at), tl.load(keys + at), tl.load(w_all + at)
        u = tl.load(u_all + row[:, None] * V_DIM + dim_v[None, :])
        p = tl.load(p_all + row[:, None] * CHUNK + inside[None, :])
        unit = power_of_two(tl.max(tl.abs(s), axis=0))[None, :]
        operand = (s / unit).to(kept)
        u -= dot_from_zero(w, operand) * unit
        o = dot_from_zero(query, operand) * unit * tl.load(from_start + row)[:, None]
        unit = power_of_two(tl.max(tl.abs(u), axis=0))[None, :]
        u /= unit
        o += product_of_pairs(p, u, kept) * unit
        place = ((batch * length + t) * V_HEADS + head)[:, None] * V_DIM + dim_v[None, :]
        tl.store(out + place, rounded(o, out.dtype.element_ty), mask=ok[:, None])
        part = (u * tl.load(to_end + row)[:, None]).to(kept)
        s = s * tl.load(whole + first + chunk) + dot_from_zero(tl.trans(key), part) * unit
    tl.store(tile, s)


def run(
    qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int,
    *, chunk: int = 64, block_v: int = 32, num_warps: int = 4, num_stages: int = 3, warps_inside: int = 4,
    warps_terms: int = 4,
) -> Tensor:  # fmt: skip
    """`chunk`: steps of a triangular system, 16, 32 or 64. `block_v`: columns of the state that a program carries,
    fewer where there are fewer. `num_warps` and `num_stages`: of the chain through the chunks. `warps_inside`: of the
    first kernel.
    """
    qkv = qkv if qkv.stride(-1) == 1 else qkv.contiguous()  # as a convolution in torch returns it
    batch, length = qkv.shape[:2]
    _, v_heads, k_dim, v_dim = state.shape
    if a.stride() != b.stride():
        a, b = a.contiguous(), b.contiguous()
    chunks, heads, block_v = triton.cdiv(length, chunk), batch * v_heads, min(block_v, v_dim)
    steps, exact, device = chunks * chunk, torch.float32, qkv.device
    kept, precision = (exact, "ieee") if qkv.dtype == exact else (torch.float16, "tf32")
    queries, keys, w = torch.empty(3, heads, steps, k_dim, dtype=kept, device=device).unbind()
    u = torch.empty(heads, steps, v_dim, dtype=exact, device=device)
    p, solved = torch.empty(2, heads, steps, chunk, dtype=exact, device=device).unbind()
    from_start, to_end, w_factor, u_factor = torch.empty(4, heads, steps, dtype=exact, device=device).unbind()
    whole = torch.empty(heads, chunks, dtype=exact, device=device)
    out = torch.empty(batch, length, v_heads, v_dim, dtype=qkv.dtype, device=qkv.device)
    gated_delta_inside_kernel[(chunks, heads)](
        qkv, a, b, a_log, dt_bias, queries, keys, solved, w_factor, u_factor, p, from_start, to_end, whole,
        length, qkv.stride(0), qkv.stride(1), a.stride(0), a.stride(1), k_heads, v_heads, k_dim, chunk,
        precision, num_warps=warps_inside,
    )  # fmt: skip
    gated_delta_terms_kernel[(chunks, heads)](
        qkv, solved, w_factor, u_factor, w, u, length, qkv.stride(0), qkv.stride(1),
        k_heads, v_heads, k_dim, v_dim, chunk, precision, num_warps=warps_terms,
    )  # fmt: skip
    gated_delta_chain_kernel[(v_dim // block_v, heads)](
        state, out, queries, keys, w, u, p, from_start, to_end, whole, length, chunks,
        v_heads, k_dim, v_dim, chunk, block_v, num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out
