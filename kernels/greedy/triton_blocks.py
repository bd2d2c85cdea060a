"""Two kernels: the best logit of each block, then the best of these; the first of equal logits."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"block": [1024, 2048, 4096], "num_warps": [4, 8]}


@triton.jit
def _first_of_largest(values, at, LIMIT: tl.constexpr):
    largest = tl.max(values, axis=0)
    return largest, tl.min(tl.where(values == largest, at, LIMIT), axis=0)


@triton.jit
def argmax_block_kernel(logits, best, where, vocab, stride, BLOCK: tl.constexpr, OVERLAP: tl.constexpr):
    row = tl.program_id(1)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    wait_for_inputs(OVERLAP)
    values = tl.load(logits + row.to(tl.int64) * stride + at, mask=at < vocab, other=float("-inf")).to(tl.float32)
    largest, first = _first_of_largest(values, at, 2147483647)
    out = row * tl.num_programs(0) + tl.program_id(0)
    tl.store(best + out, largest)
    tl.store(where + out, first)


@triton.jit
def argmax_row_kernel(best, where, chosen, BLOCKS: tl.constexpr, BLOCK_B: tl.constexpr, OVERLAP: tl.constexpr):
    row = tl.program_id(0)
    block = tl.arange(0, BLOCK_B)
    wait_for_inputs(OVERLAP)
    values = tl.load(best + row * BLOCKS + block, mask=block < BLOCKS, other=float("-inf"))
    at = tl.load(where + row * BLOCKS + block, mask=block < BLOCKS, other=2147483647)
    _, first = _first_of_largest(values, at, 2147483647)
    tl.store(chosen + row, first.to(tl.int64))


def run(logits: Tensor, *, block: int = 2048, num_warps: int = 4, overlap: bool = False) -> Tensor:
    overlap = starts_early(overlap)
    logits = logits if logits.stride(1) == 1 else logits.contiguous()
    rows, vocab = logits.shape
    blocks = triton.cdiv(vocab, block)
    best = torch.empty(rows, blocks, dtype=torch.float32, device=logits.device)
    where = torch.empty(rows, blocks, dtype=torch.int32, device=logits.device)
    chosen = torch.empty(rows, dtype=torch.int64, device=logits.device)
    argmax_block_kernel[(blocks, rows)](
        logits, best, where, vocab, logits.stride(0), block, overlap, num_warps=num_warps, **launch_options(overlap)
    )  # fmt: skip
    argmax_row_kernel[(rows,)](
        best, where, chosen, blocks, triton.next_power_of_2(blocks), overlap, num_warps=1, **launch_options(overlap)
    )  # fmt: skip
    return chosen
