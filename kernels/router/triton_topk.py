"""One program per token: top_k maxima in registers, one after the other, then the softmax over the kept logits."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"num_warps": [1, 2, 4]}


TAKEN = tl.constexpr(-(2**31))
"""Less than the key of every number, minus infinity included."""


@triton.jit
def _swapped(bits):
    """Convert between the bits of float32 numbers and integers of the same order, either way."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


@triton.jit
def ordered(logits):
    """Integers in the order of float32 values. Adding zero makes the two zeros one."""
    return _swapped((logits + 0.0).to(tl.int32, bitcast=True))


@triton.jit
def chosen(logits, TOP_K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr):
    """ids and weights [block_k] of the TOP_K largest of `logits` [block_e] float32, ties to the lower index, largest
    first, weights that sum to 1. The softmax over the kept logits is the renormalised softmax over all.

    They are compared as integers, since a warp has one instruction for the largest integer of its threads (sm_80 on),
    and shuffles for all else.
    """
    expert = tl.arange(0, BLOCK_E)
    slot = tl.arange(0, BLOCK_K)
    keys = ordered(logits)
    kept = tl.full((BLOCK_K,), TAKEN, tl.int32)
    ids = tl.zeros((BLOCK_K,), tl.int32)
    for i in tl.static_range(TOP_K):
        largest = tl.max(keys, axis=0)
        at = tl.min(tl.where(keys == largest, expert, BLOCK_E), axis=0)
        kept = tl.where(slot == i, largest, kept)
        ids = tl.where(slot == i, at, ids)
        keys = tl.where(expert == at, TAKEN, keys)
    values = tl.where(slot < TOP_K, _swapped(kept).to(tl.float32, bitcast=True), float("-inf"))
    powers = tl.exp(values - tl.max(values, axis=0))
    return ids, powers / tl.sum(powers, axis=0)


@triton.jit
def choose(logits, weights, expert_ids, TOP_K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr):
    """Store the weights and ids of the TOP_K largest of `logits`."""
    slot = tl.arange(0, BLOCK_K)
    ids, shares = chosen(logits, TOP_K, BLOCK_E, BLOCK_K)
    tl.store(weights + slot, shares, mask=slot < TOP_K)
    tl.store(expert_ids + slot, ids, mask=slot < TOP_K)


@triton.jit
def topk_kernel(
    logits, weights, expert_ids, stride,
    EXPERTS: tl.constexpr, TOP_K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0)
    expert = tl.arange(0, BLOCK_E)
    wait_for_inputs(OVERLAP)
    row = tl.load(logits + token * stride + expert, mask=expert < EXPERTS, other=float("-inf")).to(tl.float32)
    choose(row, weights + token * TOP_K, expert_ids + token * TOP_K, TOP_K, BLOCK_E, BLOCK_K)


def run(logits: Tensor, top_k: int, *, num_warps: int = 1, overlap: bool = False) -> tuple[Tensor, Tensor]:
    overlap = starts_early(overlap)
    tokens, experts = logits.shape
    logits = logits if logits.stride(1) == 1 else logits.contiguous()
    weights = torch.empty(tokens, top_k, dtype=torch.float32, device=logits.device)
    expert_ids = torch.empty(tokens, top_k, dtype=torch.int32, device=logits.device)
    topk_kernel[(tokens,)](
        logits, weights, expert_ids, logits.stride(0), experts, top_k,
        triton.next_power_of_2(experts), triton.next_power_of_2(top_k), overlap, num_warps=num_warps,
        **launch_options(overlap),
    )  # fmt: skip
    return weights, expert_ids
