"""For many tokens: pairs of token and expert sorted by expert on the device, the shared expert as one more expert of
every token.

Pairs are laid out in blocks of one expert, so that a program of either product reads its expert and its tokens at once.
The number of blocks depends on the routing, which the host does not know: the grid has the largest possible number, and
surplus programs return at once. Gate and up rows are one tile, and SiLU(gate) * up is stored in the order in which the
second product reads it. The products of the pairs go through memory in the activations' dtype; their sum has a fixed
order.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_halves import by_quarter, halves_at_once, halves_fit, halves_of, product_of_halves
from ..moe_gate_up.triton_sorted import SORT_BLOCK, expert_count_kernel, most_blocks
from ..tensor_cores import rounded

SPACE = {
    "block_t": [32, 64, 128],
    "up_n": [32, 64],
    "up_warps": [4, 8],
    "up_stages": [2, 3, 4],
    "down_n": [64, 128],
    "down_warps": [4, 8],
    "down_stages": [2, 3, 4],
    "block_h": [16, 32],
}


def supports(case: Any) -> str | None:
    inter, shared = case.dims["inter"], case.dims["shared"]
    if inter != shared:
        return f"the shared expert's inner size {shared} is not that of the routed ones, {inter}"
    return halves_fit(case.dims["group"])


@triton.jit
def moe_place_kernel(
    expert_ids, counts, ranks, order, table, pairs, most,
    EXPERTS: tl.constexpr, PADDED: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """order [most * block_t]: the pairs, each expert's from a new block on. table [2, most]: the expert of each block
    (EXPERTS for none) and the number of pairs from its first on."""
    experts = tl.arange(0, PADDED)
    known = (experts < EXPERTS)[None, :]
    count = tl.load(counts + experts, mask=experts < EXPERTS, other=0)[None, :]
    blocks = (count + BLOCK_T - 1) // BLOCK_T
    ends = tl.cumsum(blocks, axis=1)
    pair = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = pair < pairs
    expert = tl.load(expert_ids + pair, mask=ok, other=0)
    first = tl.sum(tl.where(experts[None, :] < expert[:, None], blocks, 0), axis=1) * BLOCK_T
    tl.store(order + first + tl.load(ranks + pair, mask=ok, other=0), pair, mask=ok)
    block = pair
    passed = known & (ends <= block[:, None])
    of_block = tl.sum(passed.to(tl.int32), axis=1)
    skipped = (block - tl.sum(tl.where(passed, blocks, 0), axis=1)) * BLOCK_T
    left = tl.sum(tl.where(experts[None, :] == of_block[:, None], count, 0), axis=1) - skipped
    tl.store(table + block, of_block, mask=block < most)
    tl.store(table + most + block, left, mask=block < most)


@triton.jit
def _value(i, n, BLOCK_N: tl.constexpr, BLOCK_H: tl.constexpr):
    """The inner value that row `i` of block `n` computes: values four apart are rows, and `_place`s, side by side."""
    STEP: tl.constexpr = min(BLOCK_N, 4 * BLOCK_H)
    RUN: tl.constexpr = STEP // 4
    return n * BLOCK_N + i // STEP * STEP + i % RUN * 4 + i % STEP // RUN


@triton.jit
def _place(i, n, BLOCK_N: tl.constexpr, BLOCK_H: tl.constexpr):
    """The place of that value in a row that is ordered `by_quarter` of each 4 block_h."""
    STEP: tl.constexpr = min(BLOCK_N, 4 * BLOCK_H)
    RUN: tl.constexpr = STEP // 4
    first = n * BLOCK_N % (4 * BLOCK_H) // 4
    return n * BLOCK_N // (4 * BLOCK_H) * (4 * BLOCK_H) + i // STEP * STEP + first + i % STEP // RUN * BLOCK_H + i % RUN


@triton.jit
def moe_up_kernel(
    x, order, table, weight, scale, shared_weight, shared_scale, inner, tokens, shared_blocks, most,
    K: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, EXPERTS: tl.constexpr, TOP_K: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_H: tl.constexpr,
):  # fmt: skip
    """inner [(shared_blocks + most) * block_t, inter]: SiLU(gate) * up of the shared expert by token, then of the pairs
    in their order."""
    BLOCKS: tl.constexpr = INTER // BLOCK_N
    block, n = tl.program_id(0) // BLOCKS, tl.program_id(0) % BLOCKS
    row, t = tl.arange(0, 2 * BLOCK_N), tl.arange(0, BLOCK_T)
    row = row // BLOCK_N * INTER + _value(row % BLOCK_N, n, BLOCK_N, BLOCK_H)  # gate rows before up rows
    if block < shared_blocks:
        rows, scales = shared_weight, shared_scale
        token = tl.minimum(block * BLOCK_T + t, tokens - 1)
    else:
        routed = block - shared_blocks
        expert, left = tl.load(table + routed), tl.load(table + most + routed)
        pair = tl.load(order + routed * BLOCK_T + t)
        if expert >= EXPERTS:
            return
        matrix = expert.to(tl.int64) * (2 * INTER)
        rows, scales = weight + matrix * (K // 4), scale + matrix * (K // GROUP)
        token = tl.where(t < left, pair // TOP_K, 0)
    acc = product_of_halves(
        rows + row[:, None] * (K // 4), scales + row * (K // GROUP), x + token.to(tl.int64)[None, :] * K,
        K, GROUP, 2 * BLOCK_N, BLOCK_T, BLOCK_H,
    )  # fmt: skip
    gate, up = tl.split(tl.permute(tl.reshape(acc, (2, BLOCK_N, BLOCK_T)), (1, 2, 0)))
    place = _place(tl.arange(0, BLOCK_N), n, BLOCK_N, BLOCK_H)
    at = (block * BLOCK_T + t).to(tl.int64)[None, :] * INTER + place[:, None]
    tl.store(inner + at, rounded(gate * tl.sigmoid(gate) * up, inner.dtype.element_ty))


@triton.jit
def moe_down_kernel(
    inner, order, table, expert_weights, weight, scale, shared_weight, shared_scale, products,
    tokens, shared_blocks, most,
    HIDDEN: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, EXPERTS: tl.constexpr, TOP_K: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_H: tl.constexpr,
):  # fmt: skip
    """products [tokens, top_k + 1, hidden]: of the routed experts times their weights, of the shared one as it is."""
    BLOCKS: tl.constexpr = (HIDDEN + BLOCK_N - 1) // BLOCK_N
    block, n = tl.program_id(0) // BLOCKS, tl.program_id(0) % BLOCKS
    row, t = n * BLOCK_N + tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_T)
    if block < shared_blocks:
        rows, scales = shared_weight, shared_scale
        token = block * BLOCK_T + t
        ok = token < tokens
        to = token * (TOP_K + 1) + TOP_K
        share = tl.full((BLOCK_T,), 1.0, tl.float32)
    else:
        routed = block - shared_blocks
        expert, left = tl.load(table + routed), tl.load(table + most + routed)
        if expert >= EXPERTS:
            return
        matrix = expert.to(tl.int64) * HIDDEN
        rows, scales = weight + matrix * (INTER // 4), scale + matrix * (INTER // GROUP)
        ok = t < left
        pair = tl.load(order + routed * BLOCK_T + t, mask=ok, other=0)
        to = pair // TOP_K * (TOP_K + 1) + pair % TOP_K
        share = tl.load(expert_weights + pair, mask=ok, other=0.0)
    known = tl.where(row < HIDDEN, row, 0)
    acc = product_of_halves(
        rows + known[:, None] * (INTER // 4), scales + known * (INTER // GROUP),
        inner + (block * BLOCK_T + t).to(tl.int64)[None, :] * INTER, INTER, GROUP, BLOCK_N, BLOCK_T, BLOCK_H,
    )  # fmt: skip
    at = products + to.to(tl.int64)[None, :] * HIDDEN + row[:, None]
    value = rounded(acc * share[None, :], products.dtype.element_ty)
    tl.store(at, value, mask=(row < HIDDEN)[:, None] & ok[None, :])


@triton.jit
def moe_combine_kernel(products, x, gate_weight, out, HIDDEN: tl.constexpr, TOP_K: tl.constexpr, BLOCK: tl.constexpr):
    """One token: the sum of its experts' products, and the gated product of the shared one."""
    token = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    ok = i < HIDDEN
    gate = tl.load(x + token * HIDDEN + i, mask=ok, other=0.0).to(tl.float32)
    gate = tl.sum(gate * tl.load(gate_weight + i, mask=ok, other=0.0).to(tl.float32))
    at = products + token * ((TOP_K + 1) * HIDDEN) + i
    total = tl.sigmoid(gate) * tl.load(at + TOP_K * HIDDEN, mask=ok, other=0.0).to(tl.float32)
    for slot in tl.static_range(TOP_K):
        total += tl.load(at + slot * HIDDEN, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + token * HIDDEN + i, rounded(total, out.dtype.element_ty), mask=ok)


def run(
    x: Tensor, expert_ids: Tensor, expert_weights: Tensor, gate_up_weight: Tensor, gate_up_scale: Tensor,
    down_weight: Tensor, down_scale: Tensor, shared_gate_up_weight: Tensor, shared_gate_up_scale: Tensor,
    shared_down_weight: Tensor, shared_down_scale: Tensor, shared_gate_weight: Tensor, group: int,
    *, block_t: int = 64, up_n: int = 64, up_warps: int = 8, up_stages: int = 4, down_n: int = 64,
    down_warps: int = 4, down_stages: int = 3, block_h: int = 32,
) -> Tensor:  # fmt: skip
    """`block_t`: pairs of one expert. `up_n`: inner columns of a program, twice as many weight rows. `down_n`: columns
    of the output. `block_h`: half words of a weight row, four times as many k."""
    (tokens, hidden), top_k, experts = x.shape, expert_ids.shape[1], gate_up_weight.shape[0]
    inter, pairs, device = gate_up_weight.shape[1] // 2, tokens * top_k, x.device
    x = x.contiguous()
    most, shared_blocks = most_blocks(pairs, experts, block_t), triton.cdiv(tokens, block_t)
    counts = torch.zeros(experts, dtype=torch.int32, device=device)
    ranks = torch.empty(pairs, dtype=torch.int32, device=device)
    order = torch.empty(most * block_t, dtype=torch.int32, device=device)
    table = torch.empty(2, most, dtype=torch.int32, device=device)
    expert_count_kernel[(triton.cdiv(pairs, SORT_BLOCK),)](expert_ids, counts, ranks, pairs, SORT_BLOCK)
    moe_place_kernel[(triton.cdiv(max(pairs, most), SORT_BLOCK),)](
        expert_ids, counts, ranks, order, table, pairs, most, experts, triton.next_power_of_2(experts), block_t,
        SORT_BLOCK,
    )  # fmt: skip
    blocks, block_h = shared_blocks + most, halves_at_once(block_h, group)
    inner = torch.empty(blocks * block_t, inter, dtype=x.dtype, device=device)
    moe_up_kernel[(blocks * (inter // up_n),)](
        by_quarter(x, 4 * block_h), order, table, halves_of(gate_up_weight), gate_up_scale,
        halves_of(shared_gate_up_weight), shared_gate_up_scale, inner, tokens, shared_blocks, most,
        hidden, inter, group, experts, top_k, up_n, block_t, block_h,
        num_warps=up_warps, num_stages=up_stages,
    )  # fmt: skip
    products = torch.empty(tokens, top_k + 1, hidden, dtype=x.dtype, device=device)
    moe_down_kernel[(blocks * triton.cdiv(hidden, down_n),)](
        inner, order, table, expert_weights, halves_of(down_weight), down_scale, halves_of(shared_down_weight),
        shared_down_scale, products, tokens, shared_blocks, most, hidden, inter, group, experts, top_k,
        down_n, block_t, block_h, num_warps=down_warps, num_stages=down_stages,
    )  # fmt: skip
    out = torch.empty_like(x)
    moe_combine_kernel[(tokens,)](
        products, x, shared_gate_weight, out, hidden, top_k, triton.next_power_of_2(hidden), num_warps=4
    )
    return out
