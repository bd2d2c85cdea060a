"""The kernels of `moe_experts/triton_words` with the shared expert as one more expert of every token.

Its gate is one program of the first kernel per token; the second kernel adds its rows to those of the routed experts.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_words import activations, block_words, dot_words, pairs_of, scaled_rows, words_of
from ..moe_experts.triton_words import expert_rows, gate_up_rows
from ..moe_experts.triton_words import supports as experts_supported
from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"up_n": [1, 2, 4, 8], "up_warps": [1, 2, 4], "down_n": [1, 2, 4, 8], "down_warps": [2, 4, 8]}


def supports(case: Any) -> str | None:
    inter, shared = case.dims["inter"], case.dims["shared"]
    if inter != shared:
        return f"the shared expert's inner size {shared} is not that of the routed ones, {inter}"
    return experts_supported(case)


@triton.jit
def gate_up_kernel(
    x, expert_ids, weight, scale, shared_weight, shared_scale, gate_x, gate_weight, inner, gates, tokens,
    K: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, TOP_K: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    blocks: tl.constexpr = (INTER + BLOCK_N - 1) // BLOCK_N
    slots: tl.constexpr = TOP_K + 1
    pair = tl.program_id(0) // blocks
    n = (tl.program_id(0) % blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
    token, slot = pair // slots, pair % slots
    if token < tokens:
        if slot < TOP_K:
            wait_for_inputs(OVERLAP)
            row = tl.load(expert_ids + token * TOP_K + slot).to(tl.int64) * (2 * INTER)
            value = gate_up_rows(
                x, token * (K // 8), weight, scale, row, n, K, INTER, GROUP, PAIRS, BLOCK_N, BLOCK_W, False
            )  # fmt: skip
        else:
            value = gate_up_rows(
                x, token * (K // 8), shared_weight, shared_scale, slot.to(tl.int64) * 0, n,
                K, INTER, GROUP, PAIRS, BLOCK_N, BLOCK_W, OVERLAP,
            )  # fmt: skip
        tl.store(inner + pair * INTER + n, value.to(inner.dtype.element_ty), mask=n < INTER)
    else:
        wait_for_inputs(OVERLAP)
        gated = tl.program_id(0) - tokens * slots * blocks
        k = tl.arange(0, 8 * BLOCK_W)
        values = tl.load(gate_x + gated * K + k, mask=k < K, other=0.0).to(tl.float32)
        weights = tl.load(gate_weight + k, mask=k < K, other=0.0).to(tl.float32)
        tl.store(gates + gated, tl.sigmoid(tl.sum(values * weights)))


@triton.jit
def down_kernel(
    inner, expert_ids, expert_weights, weight, scale, shared_weight, shared_scale, gates, out,
    HIDDEN: tl.constexpr, INTER: tl.constexpr, GROUP: tl.constexpr, TOP_K: tl.constexpr, PAIRS: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_W: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    WORDS: tl.constexpr = INTER // 8
    GROUPS: tl.constexpr = INTER // GROUP
    BLOCK_G: tl.constexpr = BLOCK_W // (GROUP // 8)
    token = tl.program_id(1)
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    n_ok = (n < HIDDEN)[:, None]
    row = n.to(tl.int64)[:, None]
    word = tl.arange(0, BLOCK_W)
    group = tl.arange(0, BLOCK_G)
    words = tl.load(shared_weight + row * WORDS + word[None, :], mask=n_ok & (word < WORDS)[None, :], other=0)
    scales = tl.load(shared_scale + row * GROUPS + group[None, :], mask=n_ok & (group < GROUPS)[None, :], other=0.0)
    first_word = token * ((TOP_K + 1) * WORDS)
    total = expert_rows(
        inner, first_word, weight, scale, expert_ids, expert_weights, token * TOP_K, n,
        HIDDEN, INTER, GROUP, TOP_K, PAIRS, BLOCK_N, BLOCK_E, BLOCK_W, OVERLAP,
    )  # fmt: skip
    gate = tl.load(gates + token)
    x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(
        inner, first_word + TOP_K * WORDS + word, word < WORDS, PAIRS, BLOCK_W
    )
    sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
    total += gate * scaled_rows(sums, scales, BLOCK_N, BLOCK_G, GROUP // 8)
    tl.store(out + token * HIDDEN + n, total.to(out.dtype.element_ty), mask=n < HIDDEN)


def run(
    x: Tensor, expert_ids: Tensor, expert_weights: Tensor, gate_up_weight: Tensor, gate_up_scale: Tensor,
    down_weight: Tensor, down_scale: Tensor, shared_gate_up_weight: Tensor, shared_gate_up_scale: Tensor,
    shared_down_weight: Tensor, shared_down_scale: Tensor, shared_gate_weight: Tensor, group: int,
    *, up_n: int = 4, up_warps: int = 2, down_n: int = 4, down_warps: int = 4, overlap: bool = False,
    overlap_second: bool = False,
) -> Tensor:  # fmt: skip
    overlap, second = starts_early(overlap), starts_early(overlap or overlap_second)
    (tokens, hidden), top_k = x.shape, expert_ids.shape[1]
    inter = gate_up_weight.shape[1] // 2
    x = x.contiguous()
    inner = torch.empty(tokens * (top_k + 1), inter, dtype=x.dtype, device=x.device)
    gates = torch.empty(tokens, dtype=torch.float32, device=x.device)
    out = torch.empty_like(x)
    pairs = x.dtype == torch.bfloat16
    gate_up_kernel[(tokens * (top_k + 1) * triton.cdiv(inter, up_n) + tokens,)](
        pairs_of(x), expert_ids, words_of(gate_up_weight), gate_up_scale, words_of(shared_gate_up_weight),
        shared_gate_up_scale, x, shared_gate_weight, inner, gates, tokens,
        hidden, inter, group, top_k, pairs, up_n, block_words(hidden, group),
        second, num_warps=up_warps, **launch_options(overlap),
    )  # fmt: skip
    down_kernel[(triton.cdiv(hidden, down_n), tokens)](
        pairs_of(inner), expert_ids, expert_weights, words_of(down_weight), down_scale, words_of(shared_down_weight),
        shared_down_scale, gates, out,
        hidden, inter, group, top_k, pairs, down_n, triton.next_power_of_2(top_k),
        block_words(inter, group), second, num_warps=down_warps, **launch_options(second),
    )  # fmt: skip
    return out
