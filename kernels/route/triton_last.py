"""One kernel: each program scores a few experts for a token, and the one that finishes last chooses among all of them.

A counter of the token in memory tells which program is last. The last program sets it back to zero, so that the next
call, or the next replay of a CUDA graph, finds the same start. Calls on two streams at the same time would share it: a
decode step has one stream.
"""

from __future__ import annotations

from functools import cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs
from ..router.triton_topk import choose

SPACE = {"block_n": [1, 2, 4, 8], "num_warps": [1, 2, 4, 8]}


@triton.jit
def route_kernel(
    x, weight, logits, counters, weights, expert_ids,
    K: tl.constexpr, EXPERTS: tl.constexpr, TOP_K: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_S: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(1)
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    ok = (n < EXPERTS)[:, None] & (k < K)[None, :]
    rows = tl.load(weight + n[:, None] * K + k[None, :], mask=ok, other=0.0).to(tl.float32)
    wait_for_inputs(OVERLAP)
    values = tl.load(x + token * K + k, mask=k < K, other=0.0).to(tl.float32)
    tl.store(logits + token * EXPERTS + n, tl.sum(rows * values[None, :], axis=1), mask=n < EXPERTS)
    tl.debug_barrier()  # every thread's logits are written before the count says so
    if tl.atomic_add(counters + token, 1, sem="acq_rel") == tl.num_programs(0) - 1:
        tl.debug_barrier()
        expert = tl.arange(0, BLOCK_E)
        row = tl.load(
            logits + token * EXPERTS + expert, mask=expert < EXPERTS, other=float("-inf"), cache_modifier=".cg"
        )  # fmt: skip
        choose(row, weights + token * TOP_K, expert_ids + token * TOP_K, TOP_K, BLOCK_E, BLOCK_S)
        tl.atomic_xchg(counters + token, 0)


@cache
def _counters(tokens: int, device: torch.device) -> Tensor:
    return torch.zeros(tokens, dtype=torch.int32, device=device)


def run(
    x: Tensor, weight: Tensor, top_k: int, *, block_n: int = 2, num_warps: int = 1, overlap: bool = False
) -> tuple[Tensor, Tensor]:
    overlap = starts_early(overlap)
    x = x.contiguous()
    (tokens, hidden), experts = x.shape, weight.shape[0]
    logits = torch.empty(tokens, experts, dtype=torch.float32, device=x.device)
    weights = torch.empty(tokens, top_k, dtype=torch.float32, device=x.device)
    expert_ids = torch.empty(tokens, top_k, dtype=torch.int32, device=x.device)
    route_kernel[(triton.cdiv(experts, block_n), tokens)](
        x, weight, logits, _counters(tokens, x.device), weights, expert_ids, hidden, experts, top_k,
        block_n, triton.next_power_of_2(hidden), triton.next_power_of_2(experts), triton.next_power_of_2(top_k),
        overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return weights, expert_ids
