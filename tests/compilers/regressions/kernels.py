"""Small kernels of the shapes that public reports of compiler regressions describe, written anew. Nothing here is run:
each stands for what a compiler makes of a loop like its own."""

import triton
import triton.language as tl


@triton.jit
def gathered_attention(
    q, rows, index, out, scale, HEADS: tl.constexpr, D: tl.constexpr, N: tl.constexpr, TOP: tl.constexpr
):
    """One query of each head over the rows that an index names: q, out [pairs, HEADS, D], rows [any, D], index
    [pairs, TOP], negative where there is none."""
    pair = tl.program_id(0)
    head, d, n = tl.arange(0, HEADS), tl.arange(0, D), tl.arange(0, N)
    at = (pair * HEADS + head)[:, None] * D + d[None, :]
    query = tl.load(q + at)
    most, total = tl.full([HEADS], float("-inf"), tl.float32), tl.zeros([HEADS], tl.float32)
    acc = tl.zeros([HEADS, D], tl.float32)
    for start in range(0, TOP, N):
        row = tl.load(index + pair * TOP + start + n)
        values = tl.load(rows + row.to(tl.int64)[:, None] * D + d[None, :], mask=row[:, None] >= 0, other=0.0)
        score = tl.where(row[None, :] >= 0, tl.dot(query, tl.trans(values)) * scale, float("-inf"))
        now = tl.maximum(most, tl.max(score, 1))
        shrink, weight = tl.exp2(most - now), tl.exp2(score - now[:, None])
        total = total * shrink + tl.sum(weight, 1)
        acc = acc * shrink[:, None] + tl.dot(weight.to(values.dtype), values)
        most = now
    tl.store(out + at, (acc / total[:, None]).to(out.dtype.element_ty))


@triton.jit
def paged_attention(
    q, k_pages, v_pages, table, lengths, out, scale, table_stride,
    D: tl.constexpr, M: tl.constexpr, N: tl.constexpr, PAGE: tl.constexpr,
):  # fmt: skip
    """The last M queries of a sequence against its pages: q, out [sequences, heads, M, D]."""
    sequence, head, heads = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    m, n, d = tl.arange(0, M), tl.arange(0, N), tl.arange(0, D)
    length = tl.load(lengths + sequence)
    at = ((sequence * heads + head) * M + m)[:, None] * D + d[None, :]
    query = tl.load(q + at)
    most, total = tl.full([M], float("-inf"), tl.float32), tl.full([M], 1.0, tl.float32)
    acc = tl.zeros([M, D], tl.float32)
    for block in range(tl.cdiv(length, N)):
        place = block * N + n
        inside = place < length
        page = tl.load(table + sequence * table_stride + place // PAGE, mask=inside, other=0).to(tl.int64)
        row = (page * PAGE + place % PAGE) * heads + head
        keys = tl.load(k_pages + row[None, :] * D + d[:, None], mask=inside[None, :], other=0.0)
        values = tl.load(v_pages + row[:, None] * D + d[None, :], mask=inside[:, None], other=0.0)
        seen = inside[None, :] & (place[None, :] <= length - M + m[:, None])
        score = tl.where(seen, scale * tl.dot(query, keys), float("-inf"))
        now = tl.maximum(most, tl.max(score, 1))
        now = tl.where(now > float("-inf"), now, 0.0)
        weight, shrink = tl.exp2(score - now[:, None]), tl.exp2(most - now)
        total = total * shrink + tl.sum(weight, 1)
        acc = acc * shrink[:, None]
        most = now
        acc += tl.dot(weight.to(values.dtype), values)
    tl.store(out + at, (acc / total[:, None]).to(out.dtype.element_ty))


@triton.jit
def chunk_states(
    k, w, u, gate, states, left, first, length,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, D: tl.constexpr, T: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The state of a gated delta rule at each chunk of T tokens, its rows in two halves: k [length, GROUPS, 2 D],
    w [length, HEADS, 2 D], u, left [length, HEADS, 2 D], states [chunks, HEADS, 2 D, 2 D], first [HEADS, 2 D, 2 D]."""
    column, head = tl.program_id(0) * BLOCK, tl.program_id(1)
    key = head // (HEADS // GROUPS)
    t, d, v = tl.arange(0, T), tl.arange(0, D), column + tl.arange(0, BLOCK)
    whole = 2 * D
    at = d[:, None] * whole + v[None, :]
    upper = tl.load(first + head * whole * whole + at).to(tl.float32)
    lower = tl.load(first + head * whole * whole + D * whole + at).to(tl.float32)
    for chunk in range(tl.cdiv(length, T)):
        here = states + (chunk * HEADS + head).to(tl.int64) * whole * whole + at
        tl.store(here, upper.to(states.dtype.element_ty))
        tl.store(here + D * whole, lower.to(states.dtype.element_ty))
        token = chunk * T + t
        inside = token < length
        row = (token * HEADS + head)[:, None] * whole
        ok = inside[:, None]
        weights = tl.load(w + row + d[None, :], mask=ok, other=0.0)
        more = tl.load(w + row + D + d[None, :], mask=ok, other=0.0)
        new = tl.load(u + row + v[None, :], mask=ok, other=0.0)
        new = new - tl.dot(weights, upper.to(weights.dtype)) - tl.dot(more, lower.to(more.dtype))
        tl.store(left + row + v[None, :], new.to(left.dtype.element_ty), mask=ok)
        end = tl.load(gate + (tl.minimum((chunk + 1) * T, length) - 1) * HEADS + head)
        gates = tl.load(gate + token * HEADS + head, mask=inside, other=0.0)
        new = (new * tl.where(inside, tl.exp(end - gates), 0.0)[:, None]).to(k.dtype.element_ty)
        keys = k + (token * GROUPS + key)[None, :] * whole + d[:, None]
        upper = upper * tl.exp(end) + tl.dot(tl.load(keys, mask=inside[None, :], other=0.0), new)
        lower = lower * tl.exp(end) + tl.dot(tl.load(keys + D, mask=inside[None, :], other=0.0), new)


@triton.jit
def int4_experts(
    x, weight, scale, out, order, expert, rows, width, x_stride, count,
    GROUP: tl.constexpr, TOP: tl.constexpr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr,
):  # fmt: skip
    """The tokens of one expert times its int4 weights, two in a byte: weight [experts, rows, width / 2], scale
    [experts, rows, width / GROUP], order: pairs of token and expert, sorted by expert."""
    program, across = tl.program_id(0), tl.cdiv(rows, N)
    block, column = program // across, program % across
    pair = tl.load(order + block * M + tl.arange(0, M)).to(tl.int64)
    ok = pair < count
    own = tl.load(expert + block).to(tl.int64) * rows
    n = (column * N + tl.arange(0, N)).to(tl.int64) % rows
    k = tl.arange(0, K)
    acc = tl.zeros([M, N], tl.float32)
    for start in range(0, width, K):
        inside = ok[:, None] & (start + k[None, :] < width)
        values = tl.load(x + (pair // TOP)[:, None] * x_stride + (start + k)[None, :], mask=inside, other=0.0)
        packed = tl.load(weight + (own + n)[None, :] * (width // 2) + ((start + k) // 2)[:, None])
        level = (packed >> ((k % 2) * 4)[:, None]) & 15
        size = tl.load(scale + (own + n)[None, :] * (width // GROUP) + ((start + k) // GROUP)[:, None]).to(tl.float32)
        acc = tl.dot(values, ((level.to(tl.float32) - 8.0) * size).to(values.dtype), acc)
    n = column * N + tl.arange(0, N)
    tl.store(out + pair[:, None] * rows + n[None, :], acc.to(out.dtype.element_ty), ok[:, None] & (n[None, :] < rows))


@triton.jit
def mxfp4_product(x, weight, scale, out, rows, width, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    """bfloat16 times mxfp4, a scale for 32: x [M, width], weight [rows, width / 2], scale [rows, width / 32]."""
    m, n = tl.arange(0, M), tl.program_id(0) * N + tl.arange(0, N)
    k, byte, group = tl.arange(0, K), tl.arange(0, K // 2), tl.arange(0, K // 32)
    acc = tl.zeros([M, N], tl.float32)
    for start in range(width // K):
        values = tl.load(x + m[:, None] * width + start * K + k[None, :])
        packed = tl.load(weight + n[None, :] * (width // 2) + start * (K // 2) + byte[:, None])
        scales = tl.load(scale + n[:, None] * (width // 32) + start * (K // 32) + group[None, :])
        acc = tl.dot_scaled(values, None, "bf16", packed, scales, "e2m1", acc)
    tl.store(out + m[:, None] * rows + n[None, :], acc.to(out.dtype.element_ty))


@triton.jit
def product(
    a, b, c, rows, columns, width, a_stride, b_stride, c_stride, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr
):
    """a [rows, width] times the transpose of b [columns, width]."""
    m, n = tl.program_id(0) * M + tl.arange(0, M), tl.program_id(1) * N + tl.arange(0, N)
    k = tl.arange(0, K)
    acc = tl.zeros([M, N], tl.float32)
    for start in range(tl.cdiv(width, K)):
        ok = k < width - start * K
        left = tl.load(a + m[:, None] * a_stride + (start * K + k)[None, :], mask=ok[None, :], other=0.0)
        right = tl.load(b + n[None, :] * b_stride + (start * K + k)[:, None], mask=ok[:, None], other=0.0)
        acc += tl.dot(left, right)
    inside = (m[:, None] < rows) & (n[None, :] < columns)
    tl.store(c + m[:, None] * c_stride + n[None, :], acc.to(tl.bfloat16), mask=inside)


@triton.jit
def three_times_tf32(x, weight, out, columns, width, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    """bfloat16 times float32 in three tf32 products: x [rows, width], weight [columns, width]."""
    m, n = tl.program_id(0) * M + tl.arange(0, M), tl.program_id(1) * N + tl.arange(0, N)
    acc = tl.zeros([M, N], tl.float32)
    for start in range(0, width, K):
        k = start + tl.arange(0, K)
        left = tl.load(x + m[:, None] * width + k[None, :]).to(tl.float32)
        right = tl.load(weight + n[:, None] * width + k[None, :])
        acc = tl.dot(left, right.T, acc, input_precision="tf32x3")
    tl.store(out + m[:, None] * columns + n[None, :], acc)


@triton.jit
def specialized_product(
    a, b, c, rows, columns, width, a_stride, b_stride, c_stride, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr
):
    """a [rows, width] times b [width, columns], its loop given to specialised warps."""
    m, n = (tl.program_id(0) * M + tl.arange(0, M)) % rows, (tl.program_id(1) * N + tl.arange(0, N)) % columns
    k = tl.arange(0, K)
    left_at, right_at = a + m[:, None] * a_stride + k[None, :], b + k[:, None] * b_stride + n[None, :]
    acc = tl.zeros([M, N], tl.float32)
    for start in tl.range(0, tl.cdiv(width, K), warp_specialize=True):
        left = tl.load(left_at, mask=k[None, :] < width - start * K, other=0.0)
        right = tl.load(right_at, mask=k[:, None] < width - start * K, other=0.0)
        acc = tl.dot(left, right, acc)
        left_at += K
        right_at += K * b_stride
    m, n = tl.program_id(0) * M + tl.arange(0, M), tl.program_id(1) * N + tl.arange(0, N)
    inside = (m[:, None] < rows) & (n[None, :] < columns)
    tl.store(c + m[:, None] * c_stride + n[None, :], acc.to(tl.float16), mask=inside)
