"""One token in three kernels: scores, gate and up, down. No kernel chooses experts for the others.

The first adds and norms in every program, since a row of 2,048 is less than the matrix that the program multiplies it
with. Each program makes the choice that it needs from the scores. A program of gate and up finds the one expert of its
slot; the programs of down find all, and fetch their rows, while gate and up still run. That saves a kernel for the
norm, and the last program's second look at all scores, which nothing overlaps. For several tokens a separate kernel
chooses, and the block is that of `moe_block`: some thousand programs that each repeat the choice would take longer.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_words import activations, block_words, dot_words, pairs_of, scaled_rows, words_of
from ..moe_block.triton_words import run as block
from ..moe_block.triton_words import supports as block_supported
from ..moe_experts.triton_words import gate_up_rows
from ..overlap import launch_options, starts_early, wait_for_inputs
from ..router.triton_topk import TAKEN, chosen, ordered
from ..router.triton_topk import run as choose

SPACE = {
    "score_n": [1, 2, 4], "score_warps": [1, 2, 4, 8], "up_n": [2, 4, 8], "up_warps": [1, 2, 4],
    "down_n": [2, 4, 8], "down_warps": [2, 4, 8],
}  # fmt: skip


def supports(case: Any) -> str | None:
    return block_supported(case)


@triton.jit
def moe_scores_kernel(
    x, y, norm_weight, router, gate, z, normed, scores,
    EPS: tl.constexpr, K: tl.constexpr, EXPERTS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    """scores [tokens, experts + 1]: of each expert, then of the shared expert's gate, whose program also stores the sum
    and its norm.
    """
    token = tl.program_id(1)
    k = tl.arange(0, BLOCK_K)
    ok = k < K
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    last = tl.program_id(0) == tl.num_programs(0) - 1
    if last:
        rows = tl.load(gate + n[:, None] * 0 + k[None, :], mask=ok[None, :], other=0.0)
    else:
        rows = tl.load(router + n[:, None] * K + k[None, :], mask=(n < EXPERTS)[:, None] & ok[None, :], other=0.0)
    scale = 1.0 + tl.load(norm_weight + k, mask=ok, other=0.0).to(tl.float32)
    wait_for_inputs(OVERLAP)
    total = tl.load(x + token * K + k, mask=ok, other=0.0).to(tl.float32)
    total += tl.load(y + token * K + k, mask=ok, other=0.0).to(tl.float32)
    values = total * (tl.rsqrt(tl.sum(total * total) / K + EPS) * scale)
    found = tl.sum(rows.to(tl.float32) * values[None, :], axis=1)
    if last:
        tl.store(z + token * K + k, total.to(z.dtype.element_ty), mask=ok)
        tl.store(normed + token * K + k, values.to(normed.dtype.element_ty), mask=ok)
        tl.store(scores + token * (EXPERTS + 1) + n * 0 + EXPERTS, found)
    else:
        tl.store(scores + token * (EXPERTS + 1) + n, found, mask=n < EXPERTS)


@triton.jit
def _scores(scores, EXPERTS: tl.constexpr, BLOCK_E: tl.constexpr):
    """The scores [block_e] at a pointer, read past the first cache."""
    e = tl.arange(0, BLOCK_E)
    return tl.load(scores + e, mask=e < EXPERTS, other=float("-inf"), cache_modifier=".cg")


@triton.jit
def expert_at(scores, slot, EXPERTS: tl.constexpr, BLOCK_E: tl.constexpr):
    """The expert of rank `slot` by score; of equal scores the first comes first."""
    e = tl.arange(0, BLOCK_E)
    keys = ordered(_scores(scores, EXPERTS, BLOCK_E))
    at = slot * 0
    for _ in range(slot + 1):
        at = tl.min(tl.where(keys == tl.max(keys, axis=0), e, BLOCK_E), axis=0)
        keys = tl.where(e == at, TAKEN, keys)
    return at


@triton.jit
def moe_layer_up_kernel(
    normed, scores, weight, scale, shared_weight, shared_scale, inner,
    K: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, EXPERTS: tl.constexpr, TOP_K: tl.constexpr,
    PAIRS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr, BLOCK_E: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    BLOCKS: tl.constexpr = (INTER + BLOCK_N - 1) // BLOCK_N
    slot = tl.program_id(0) // BLOCKS
    n = (tl.program_id(0) % BLOCKS) * BLOCK_N + tl.arange(0, BLOCK_N)
    if slot < TOP_K:
        wait_for_inputs(OVERLAP)
        row = expert_at(scores, slot, EXPERTS, BLOCK_E).to(tl.int64) * (2 * INTER)
        value = gate_up_rows(
            normed, 0, weight, scale, row, n, K, INTER, GROUP, PAIRS, BLOCK_N, BLOCK_W, False
        )  # fmt: skip
    else:
        value = gate_up_rows(
            normed, 0, shared_weight, shared_scale, slot.to(tl.int64) * 0, n,
            K, INTER, GROUP, PAIRS, BLOCK_N, BLOCK_W, OVERLAP,
        )  # fmt: skip
    tl.store(inner + slot * INTER + n, value.to(inner.dtype.element_ty), mask=n < INTER)


@triton.jit
def moe_layer_down_kernel(
    inner, scores, weight, scale, shared_weight, shared_scale, change,
    HIDDEN: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, EXPERTS: tl.constexpr, TOP_K: tl.constexpr,
    PAIRS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_S: tl.constexpr, BLOCK_W: tl.constexpr, BLOCK_E: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    WORDS: tl.constexpr = INTER // 8
    GROUPS: tl.constexpr = INTER // GROUP
    BLOCK_G: tl.constexpr = BLOCK_W // (GROUP // 8)
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    n_ok = (n < HIDDEN)[:, None]
    word, group = tl.arange(0, BLOCK_W), tl.arange(0, BLOCK_G)
    shared_row = n.to(tl.int64)[:, None]
    shared_at = shared_weight + shared_row * WORDS + word[None, :]
    shared_words = tl.load(shared_at, mask=n_ok & (word < WORDS)[None, :], other=0)
    shared_scale_at = shared_scale + shared_row * GROUPS + group[None, :]
    shared_scales = tl.load(shared_scale_at, mask=n_ok & (group < GROUPS)[None, :], other=0.0)
    # Scores are older than the kernel before: they may be read before the wait.
    ids, shares = chosen(_scores(scores, EXPERTS, BLOCK_E), TOP_K, BLOCK_E, BLOCK_S)
    gate = tl.sigmoid(tl.load(scores + EXPERTS, cache_modifier=".cg"))
    at = tl.arange(0, BLOCK_S * BLOCK_W)
    slot, words_at = at // BLOCK_W, at % BLOCK_W
    word_ok = (slot < TOP_K) & (words_at < WORDS)
    expert = tl.gather(ids, slot, 0).to(tl.int64)
    offset = (expert[None, :] * HIDDEN + n[:, None]) * WORDS + words_at[None, :]
    if BLOCK_W == WORDS:  # else the compiler does not see that a row of an expert is one piece
        offset = tl.max_contiguous(tl.multiple_of(offset, (1, BLOCK_W)), (1, BLOCK_W))
    words = tl.load(weight + offset, mask=n_ok & word_ok[None, :], other=0)
    group_at = tl.arange(0, BLOCK_S * BLOCK_G)
    group_slot, groups_at = group_at // BLOCK_G, group_at % BLOCK_G
    scale_row = tl.gather(ids, group_slot, 0).to(tl.int64)[None, :] * HIDDEN + n[:, None]
    group_ok = (group_slot < TOP_K) & (groups_at < GROUPS)
    scales = tl.load(scale + scale_row * GROUPS + groups_at[None, :], mask=n_ok & group_ok[None, :], other=0.0)
    scales = scales.to(tl.float32) * tl.gather(shares, group_slot, 0)[None, :]
    wait_for_inputs(OVERLAP)
    x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(
        inner, slot * WORDS + words_at, word_ok, PAIRS, BLOCK_S * BLOCK_W
    )
    sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    total = scaled_rows(sums, scales, BLOCK_N, BLOCK_S * BLOCK_G, GROUP // 8)
    x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(inner, TOP_K * WORDS + word, word < WORDS, PAIRS, BLOCK_W)
    sums = dot_words(shared_words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    total += gate * scaled_rows(sums, shared_scales, BLOCK_N, BLOCK_G, GROUP // 8)
    tl.store(change + n, total.to(change.dtype.element_ty), mask=n < HIDDEN)


def run(
    x: Tensor, y: Tensor, norm_weight: Tensor, router_weight: Tensor,
    gate_up_weight: Tensor, gate_up_scale: Tensor, down_weight: Tensor, down_scale: Tensor,
    shared_gate_up_weight: Tensor, shared_gate_up_scale: Tensor, shared_down_weight: Tensor, shared_down_scale: Tensor,
    shared_gate_weight: Tensor, eps: float, top_k: int, group: int,
    *, score_n: int = 2, score_warps: int = 4, up_n: int = 8, up_warps: int = 4, down_n: int = 8, down_warps: int = 4,
    overlap: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    overlap = starts_early(overlap)
    early = launch_options(overlap)
    (tokens, hidden), experts = x.shape, router_weight.shape[0]
    inter = gate_up_weight.shape[1] // 2
    x, y = x.contiguous(), y.contiguous()
    z, normed = torch.empty_like(x), torch.empty_like(x)
    scores = torch.empty(tokens, experts + 1, dtype=torch.float32, device=x.device)
    pairs, block_e = x.dtype == torch.bfloat16, triton.next_power_of_2(experts)
    moe_scores_kernel[(triton.cdiv(experts, score_n) + 1, tokens)](
        x, y, norm_weight, router_weight, shared_gate_weight, z, normed, scores,
        eps, hidden, experts, score_n, triton.next_power_of_2(hidden), overlap, num_warps=score_warps, **early,
    )  # fmt: skip
    if tokens > 1:
        weights, expert_ids = choose(scores[:, :experts], top_k, overlap=overlap)
        return z, block(
            normed, expert_ids, weights, gate_up_weight, gate_up_scale, down_weight, down_scale, shared_gate_up_weight,
            shared_gate_up_scale, shared_down_weight, shared_down_scale, shared_gate_weight, group,
            up_n=8, up_warps=2, down_n=16, down_warps=8, overlap=overlap,
        )  # fmt: skip
    inner = torch.empty(top_k + 1, inter, dtype=x.dtype, device=x.device)
    change = torch.empty_like(x)
    moe_layer_up_kernel[((top_k + 1) * triton.cdiv(inter, up_n),)](
        pairs_of(normed), scores, words_of(gate_up_weight), gate_up_scale, words_of(shared_gate_up_weight),
        shared_gate_up_scale, inner, hidden, inter, group, experts, top_k, pairs, up_n, block_words(hidden, group),
        block_e, overlap, num_warps=up_warps, **early,
    )  # fmt: skip
    moe_layer_down_kernel[(triton.cdiv(hidden, down_n),)](
        pairs_of(inner), scores, words_of(down_weight), down_scale, words_of(shared_down_weight), shared_down_scale,
        change, hidden, inter, group, experts, top_k, pairs, down_n, triton.next_power_of_2(top_k),
        block_words(inter, group), block_e, overlap, num_warps=down_warps, **early,
    )  # fmt: skip
    return z, change
