"""One program per token: top_k maxima in registers, one after the other, then the softmax over what was kept."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

SPACE = {"num_warps": [1, 2, 4]}


@triton.jit
def choose(logits, weights, expert_ids, TOP_K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr):
    """The TOP_K largest of `logits` [block_e] float32, ties to the lower index, stored largest first with weights that
    sum to 1. The softmax over the kept logits is the renormalised softmax over all."""
    expert = tl.arange(0, BLOCK_E)
    slot = tl.arange(0, BLOCK_K)
    kept = tl.full((BLOCK_K,), float("-inf"), tl.float32)
    ids = tl.zeros((BLOCK_K,), tl.int32)
    for i in tl.static_range(TOP_K):
        largest, at = tl.max(logits, axis=0, return_indices=True, return_indices_tie_break_left=True)
        kept = tl.where(slot == i, largest, kept)
        ids = tl.where(slot == i, at, ids)
        logits = tl.where(expert == at, float("-inf"), logits)
    powers = tl.exp(kept - tl.max(kept, axis=0))
    tl.store(weights + slot, powers / tl.sum(powers, axis=0), mask=slot < TOP_K)
    tl.store(expert_ids + slot, ids, mask=slot < TOP_K)


@triton.jit
def topk_kernel(
    logits, weights, expert_ids, stride,
    EXPERTS: tl.constexpr, TOP_K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0)
    expert = tl.arange(0, BLOCK_E)
    row = tl.load(logits + token * stride + expert, mask=expert < EXPERTS, other=float("-inf")).to(tl.float32)
    choose(row, weights + token * TOP_K, expert_ids + token * TOP_K, TOP_K, BLOCK_E, BLOCK_K)


def run(logits: Tensor, top_k: int, *, num_warps: int = 1) -> tuple[Tensor, Tensor]:
    tokens, experts = logits.shape
    logits = logits if logits.stride(1) == 1 else logits.contiguous()
    weights = torch.empty(tokens, top_k, dtype=torch.float32, device=logits.device)
    expert_ids = torch.empty(tokens, top_k, dtype=torch.int32, device=logits.device)
    topk_kernel[(tokens,)](
        logits, weights, expert_ids, logits.stride(0), experts, top_k,
        triton.next_power_of_2(experts), triton.next_power_of_2(top_k), num_warps=num_warps,
    )  # fmt: skip
    return weights, expert_ids
