"""Two kernels on int32 words: gate, up and SiLU of each chosen expert; then down, summed over the experts in registers.

The second product of a token is one row-vector product over the concatenated inner values of its experts: a program has
`down_n` outputs, reads those rows of every chosen expert and reduces once. No [top_k, hidden] values are written.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_words import activations, block_words, dot_words, pairs_of, scaled_rows, words_fit, words_of
from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"up_n": [1, 2, 4, 8], "up_warps": [1, 2, 4], "down_n": [1, 2, 4, 8], "down_warps": [2, 4, 8]}
TILE_WORDS = 4096
"""The most words of a row of the second product, over all experts of a token."""


def supports(case: Any) -> str | None:
    dims = case.dims
    words = triton.next_power_of_2(dims["top_k"]) * triton.next_power_of_2(dims["inter"]) // 8
    if words > TILE_WORDS:
        return f"top_k {dims['top_k']} times inter {dims['inter']} is more than it reduces at once"
    return words_fit(dims["hidden"], dims["group"]) or words_fit(dims["inter"], dims["group"])


@triton.jit
def gate_up_rows(
    x, x_word, weight, scale, row, n, K: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """SiLU(gate) * up [block_n] float32 of rows `n` of the expert whose first row is `row` in the matrices. `x_word`:
    the first word of the token's activations.
    """
    WORDS: tl.constexpr = K // 8
    GROUP_WORDS: tl.constexpr = GROUP // 8
    GROUPS: tl.constexpr = K // GROUP
    BLOCK_G: tl.constexpr = BLOCK_W // GROUP_WORDS
    word = tl.arange(0, BLOCK_W)
    group = tl.arange(0, BLOCK_G)
    ok = (n < INTER)[:, None] & (word < WORDS)[None, :]
    scale_ok = (n < INTER)[:, None] & (group < GROUPS)[None, :]
    gate_row = (row + n)[:, None]
    up_row = gate_row + INTER
    gate_words = tl.load(weight + gate_row * WORDS + word[None, :], mask=ok, other=0)
    up_words = tl.load(weight + up_row * WORDS + word[None, :], mask=ok, other=0)
    gate_scales = tl.load(scale + gate_row * GROUPS + group[None, :], mask=scale_ok, other=0.0)
    up_scales = tl.load(scale + up_row * GROUPS + group[None, :], mask=scale_ok, other=0.0)
    wait_for_inputs(OVERLAP)
    x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(x, x_word + word, word < WORDS, PAIRS, BLOCK_W)
    gate_sums = dot_words(gate_words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    gate = scaled_rows(gate_sums, gate_scales, BLOCK_N, BLOCK_G, GROUP_WORDS)
    up_sums = dot_words(up_words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    up = scaled_rows(up_sums, up_scales, BLOCK_N, BLOCK_G, GROUP_WORDS)
    return gate * tl.sigmoid(gate) * up


@triton.jit
def expert_rows(
    inner, inner_word, weight, scale, expert_ids, expert_weights, first, n,
    HIDDEN: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, TOP_K: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """Rows `n` of the sum over a token's experts, [block_n] float32.

    `first`: the start of the token's ids and weights. `inner_word`: the first word of its experts' inner values.
    """
    WORDS: tl.constexpr = INTER // 8
    GROUP_WORDS: tl.constexpr = GROUP // 8
    GROUPS: tl.constexpr = INTER // GROUP
    BLOCK_G: tl.constexpr = BLOCK_W // GROUP_WORDS
    at = tl.arange(0, BLOCK_E * BLOCK_W)
    slot, word = at // BLOCK_W, at % BLOCK_W
    word_ok = (slot < TOP_K) & (word < WORDS)
    # Ids and router weights are older than the kernel before: they may be read before the wait, past the first cache.
    n_ok = (n < HIDDEN)[:, None]
    row = (
        tl.load(expert_ids + first + slot, mask=slot < TOP_K, other=0, cache_modifier=".cg").to(tl.int64)[None, :]
        * HIDDEN
        + n[:, None]
    )
    words = tl.load(weight + row * WORDS + word[None, :], mask=n_ok & word_ok[None, :], other=0)
    group_at = tl.arange(0, BLOCK_E * BLOCK_G)
    group_slot, group = group_at // BLOCK_G, group_at % BLOCK_G
    group_ok = (group_slot < TOP_K) & (group < GROUPS)
    chosen = group_slot < TOP_K
    expert = tl.load(expert_ids + first + group_slot, mask=chosen, other=0, cache_modifier=".cg").to(tl.int64)
    share = tl.load(expert_weights + first + group_slot, mask=chosen, other=0.0, cache_modifier=".cg")
    scale_row = expert[None, :] * HIDDEN + n[:, None]
    scales = tl.load(scale + scale_row * GROUPS + group[None, :], mask=n_ok & group_ok[None, :], other=0.0)
    wait_for_inputs(OVERLAP)
    x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(
        inner, inner_word + slot * WORDS + word, word_ok, PAIRS, BLOCK_E * BLOCK_W
    )
    sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    return scaled_rows(sums, scales.to(tl.float32) * share[None, :], BLOCK_N, BLOCK_E * BLOCK_G, GROUP_WORDS)


@triton.jit
def gate_up_kernel(
    x, expert_ids, weight, scale, inner,
    K: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, TOP_K: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    wait_for_inputs(OVERLAP)
    blocks: tl.constexpr = (INTER + BLOCK_N - 1) // BLOCK_N
    pair = tl.program_id(0) // blocks
    n = (tl.program_id(0) % blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
    row = tl.load(expert_ids + pair).to(tl.int64) * (2 * INTER)
    x_word = (pair // TOP_K) * (K // 8)
    value = gate_up_rows(x, x_word, weight, scale, row, n, K, INTER, GROUP, PAIRS, BLOCK_N, BLOCK_W, False)
    tl.store(inner + pair * INTER + n, value.to(inner.dtype.element_ty), mask=n < INTER)


@triton.jit
def down_kernel(
    inner, expert_ids, expert_weights, weight, scale, out,
    HIDDEN: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, TOP_K: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(1)
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = expert_rows(
        inner, token * (TOP_K * INTER // 8), weight, scale, expert_ids, expert_weights, token * TOP_K, n,
        HIDDEN, INTER, GROUP, TOP_K, PAIRS, BLOCK_N, BLOCK_E, BLOCK_W, OVERLAP,
    )  # fmt: skip
    tl.store(out + token * HIDDEN + n, total.to(out.dtype.element_ty), mask=n < HIDDEN)


def run(
    x: Tensor, expert_ids: Tensor, expert_weights: Tensor, gate_up_weight: Tensor, gate_up_scale: Tensor,
    down_weight: Tensor, down_scale: Tensor, group: int,
    *, up_n: int = 4, up_warps: int = 2, down_n: int = 4, down_warps: int = 4, overlap: bool = False,
    overlap_second: bool = False,
) -> Tensor:  # fmt: skip
    overlap, second = starts_early(overlap), starts_early(overlap or overlap_second)
    (tokens, hidden), top_k = x.shape, expert_ids.shape[1]
    inter = gate_up_weight.shape[1] // 2
    inner = torch.empty(tokens * top_k, inter, dtype=x.dtype, device=x.device)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    pairs = x.dtype == torch.bfloat16
    gate_up_kernel[(tokens * top_k * triton.cdiv(inter, up_n),)](
        pairs_of(x), expert_ids, words_of(gate_up_weight), gate_up_scale, inner,
        hidden, inter, group, top_k, pairs, up_n, block_words(hidden, group),
        second, num_warps=up_warps, **launch_options(overlap),
    )  # fmt: skip
    down_kernel[(triton.cdiv(hidden, down_n), tokens)](
        pairs_of(inner), expert_ids, expert_weights, words_of(down_weight), down_scale, out,
        hidden, inter, group, top_k, pairs, down_n, triton.next_power_of_2(top_k),
        block_words(inter, group), second, num_warps=down_warps, **launch_options(second),
    )  # fmt: skip
    return out
