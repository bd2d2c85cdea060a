"""For many tokens: pairs are sorted by expert on the device, and each block of an expert's pairs is one tile of the
tensor cores.

The weights of an expert are read once for all its tokens (once per block_t of them). The number of blocks depends on
the routing, which the host does not know. So the grid has the largest possible number of blocks, and surplus programs
return at once. Nothing is read on the host.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_mm.triton_gemm import by_parity, bytes_at_once, int4_product, whole_tiles
from ..tensor_cores import rounded

SPACE = {
    "block_n": [64, 128],
    "block_t": [32, 64, 128],
    "block_b": [32, 64],
    "num_warps": [4, 8],
    "num_stages": [2, 3, 4],
}
SORT_BLOCK = 64


def supports(case: Any) -> str | None:
    return whole_tiles(case.dims["group"])


@triton.jit
def expert_count_kernel(expert_ids, counts, ranks, pairs, BLOCK: tl.constexpr):
    """The number of pairs of each expert, and the rank of each pair among them, in any order."""
    pair = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = pair < pairs
    expert = tl.load(expert_ids + pair, mask=ok, other=0)
    tl.store(ranks + pair, tl.atomic_add(counts + expert, 1, mask=ok, sem="relaxed"), mask=ok)


@triton.jit
def expert_place_kernel(expert_ids, counts, ranks, order, pairs, EXPERTS: tl.constexpr, PADDED: tl.constexpr,
                        BLOCK: tl.constexpr):  # fmt: skip
    """order[place] = pair, experts in ascending order."""
    pair = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = pair < pairs
    experts = tl.arange(0, PADDED)
    count = tl.load(counts + experts, mask=experts < EXPERTS, other=0)
    expert = tl.load(expert_ids + pair, mask=ok, other=0)
    before = tl.sum(tl.where(experts[None, :] < expert[:, None], count[None, :], 0), axis=1)
    tl.store(order + before + tl.load(ranks + pair, mask=ok, other=0), pair, mask=ok)


def sort_by_expert(expert_ids: Tensor, experts: int) -> tuple[Tensor, Tensor]:
    """ids [tokens, top_k] -> the pairs by expert, int32 [tokens * top_k], counted through the flattened ids, and the
    number of pairs of each expert, int32 [experts].
    """
    pairs = expert_ids.numel()
    counts = torch.zeros(experts, dtype=torch.int32, device=expert_ids.device)
    ranks, order = torch.empty(2, pairs, dtype=torch.int32, device=expert_ids.device).unbind()
    grid = (triton.cdiv(pairs, SORT_BLOCK),)
    expert_count_kernel[grid](expert_ids, counts, ranks, pairs, SORT_BLOCK)
    expert_place_kernel[grid](
        expert_ids, counts, ranks, order, pairs, experts, triton.next_power_of_2(experts), SORT_BLOCK
    )
    return order, counts


def most_blocks(pairs: int, experts: int, block_t: int) -> int:
    """The most blocks of any routing: each expert in use may leave one unfilled."""
    return pairs // block_t + min(pairs, experts)


@triton.jit
def find_block(counts, block, EXPERTS: tl.constexpr, PADDED: tl.constexpr, BLOCK_T: tl.constexpr):
    """The expert of a block (EXPERTS where there are fewer blocks), the place of the block's first pair in the order,
    and the number of pairs left from there on.
    """
    experts = tl.arange(0, PADDED)
    count = tl.load(counts + experts, mask=experts < EXPERTS, other=0)
    blocks = tl.cdiv(count, BLOCK_T)
    ends = tl.cumsum(blocks, axis=0)
    passed = (ends <= block) & (experts < EXPERTS)
    expert = tl.sum(passed.to(tl.int32), axis=0)
    skipped = (block - tl.sum(tl.where(passed, blocks, 0), axis=0)) * BLOCK_T
    first = tl.sum(tl.where(passed, count, 0), axis=0) + skipped
    return expert, first, tl.sum(tl.where(experts == expert, count, 0), axis=0) - skipped


@triton.jit
def moe_sorted_kernel(
    x, order, counts, pair_weights, weight, scale, out,
    ROWS: tl.constexpr, HALF_K: tl.constexpr, GROUP: tl.constexpr, EXPERTS: tl.constexpr, PADDED: tl.constexpr,
    PAIRS_PER_ROW: tl.constexpr, WEIGHTED: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_B: tl.constexpr,
):  # fmt: skip
    """out[pair] = x[pair // PAIRS_PER_ROW] @ W_expert^T, times the pair's weight where WEIGHTED."""
    blocks_n = tl.cdiv(ROWS, BLOCK_N)
    expert, first, left = find_block(counts, tl.program_id(0) // blocks_n, EXPERTS, PADDED, BLOCK_T)
    if expert >= EXPERTS:
        return
    n = (tl.program_id(0) % blocks_n) * BLOCK_N + tl.arange(0, BLOCK_N)
    t = tl.arange(0, BLOCK_T)
    b = tl.arange(0, BLOCK_B)
    rows_ok, tokens_ok = n < ROWS, t < left
    pair = tl.load(order + first + t, mask=tokens_ok, other=0).to(tl.int64)
    row = expert.to(tl.int64) * ROWS + n
    weight_at = weight + row[:, None] * HALF_K + b[None, :]
    x_at = x + (pair // PAIRS_PER_ROW)[None, :] * (2 * HALF_K) + b[:, None]
    scale_at = scale + row * (2 * HALF_K // GROUP)
    acc = int4_product(weight_at, scale_at, x_at, rows_ok, tokens_ok, HALF_K, GROUP, BLOCK_N, BLOCK_T, BLOCK_B)
    if WEIGHTED:
        acc *= tl.load(pair_weights + pair, mask=tokens_ok, other=0.0)[None, :]
    at = out + pair[None, :] * ROWS + n[:, None]
    tl.store(at, rounded(acc, out.dtype.element_ty), mask=rows_ok[:, None] & tokens_ok[None, :])


def run(
    x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 128, block_t: int = 64, block_b: int = 64, num_warps: int = 8, num_stages: int = 3,
) -> Tensor:  # fmt: skip
    """`block_n`: weight rows. `block_t`: pairs. `block_b`: bytes of a weight row, twice as many k."""
    (experts, rows, half), (tokens, top_k) = weight.shape, expert_ids.shape
    pairs = tokens * top_k
    order, counts = sort_by_expert(expert_ids, experts)
    out = torch.empty(pairs, rows, dtype=x.dtype, device=x.device)
    moe_sorted_kernel[(most_blocks(pairs, experts, block_t) * triton.cdiv(rows, block_n),)](
        by_parity(x), order, counts, None, weight, scale, out,
        rows, half, group, experts, triton.next_power_of_2(experts), top_k, False,
        block_n, block_t, bytes_at_once(block_b, group), num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out
