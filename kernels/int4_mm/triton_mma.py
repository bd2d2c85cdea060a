"""Decode of one to eight tokens on tensor cores.

Each weight is read and turned into a number once for all tokens, in the registers that its load filled; see `int4_mma`.
A program has `blocks` times 16 rows, and its warps share their chunks of k. All weight loads are in flight before the
first product, and before the previous kernel has ended.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_mma import CHUNK, MOST_TOKENS, chunks_fit, load_chunks, load_pairs, pinned, products, summed, tile_rows
from ..int4_words import words_of
from ..overlap import launch_options, starts_early, wait_for_inputs

SPACE = {"blocks": [1, 2], "num_warps": [1, 2, 4, 8], "where": ["num_warps * 128 <= k"]}
MOST_K = 8192
"""A row's chunks are held in registers at once."""


def supports(case: Any) -> str | None:
    if case.activations != "bfloat16":
        return f"activations are bfloat16, not {case.activations}"
    dims = case.dims
    reason = why_not(dims["tokens"], dims["k"], dims["group"])
    warps = case.answer.tunables.get("num_warps", 0)
    if reason is None and warps * CHUNK > dims["k"]:
        reason = f"num_warps {warps}: each takes {CHUNK} of the {dims['k']} columns at least"
    return reason


def why_not(tokens: int, k: int, group: int) -> str | None:
    """The reason why bfloat16 vectors of these sizes cannot be multiplied here; None where they can."""
    if tokens > MOST_TOKENS:
        return f"at most {MOST_TOKENS} tokens, not {tokens}"
    return f"at most {MOST_K} columns, not {k}" if k > MOST_K else chunks_fit(k, group)


def takes_over(x: Tensor, group: int) -> bool:
    """Whether this computes the product of several vectors x [tokens, k]: from sm_80 on, and in the interpreter.

    It does not under torch.compile, which takes inline assembly for a change of all inputs and copies the weights.
    """
    tokens, k = x.shape
    if torch.compiler.is_compiling() or tokens < 2 or x.dtype != torch.bfloat16:
        return False
    return why_not(tokens, k, group) is None and _runs_here()


def _runs_here() -> bool:
    if triton.knobs.runtime.interpret:
        return True
    target = triton.runtime.driver.active.get_current_target()
    return bool(target.backend == "cuda" and target.arch >= 80)


@triton.jit
def int4_mma_kernel(
    x, weight, scale, out, tokens, rows,
    K: tl.constexpr, GROUP: tl.constexpr, CHUNKS: tl.constexpr, BLOCKS: tl.constexpr,
    WARPS: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    block, chunk, row = tile_rows(BLOCKS, CHUNKS, WARPS)
    upper = (tl.program_id(0) * BLOCKS + block) * 16 + row
    lower = upper + 8
    there = chunk < K // 128
    upper_words, upper_scales = load_chunks(weight, scale, upper, chunk, there & (upper < rows), K, GROUP)
    lower_words, lower_scales = load_chunks(weight, scale, lower, chunk, there & (lower < rows), K, GROUP)
    wait_for_inputs(OVERLAP)
    p0, p1, p2, p3 = load_pairs(x + row * K, chunk, there & (row < tokens))
    above, below = products(pinned(upper_words, weight), lower_words, p0, p1, p2, p3)
    total = summed(above * upper_scales + below * lower_scales, BLOCKS)
    column = tl.arange(0, 16)[None, None, :]
    of = column // 4 * 2 + column % 2
    n = (tl.program_id(0) * BLOCKS + tl.arange(0, BLOCKS)[:, None, None]) * 16 + tl.arange(0, 8)[None, :, None]
    n += column // 2 % 2 * 8
    tl.store(out + of * rows + n, total.to(out.dtype.element_ty), mask=(of < tokens) & (n < rows))


def _aligned(x: Tensor) -> Tensor:
    """x contiguous and aligned to 16 bytes. torch.compile cannot query a tensor's address."""
    x = x.contiguous()
    inside = not torch.compiler.is_compiling() and x.storage_offset() * x.element_size() % 16
    return x.clone() if inside else x


def run(
    x: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, blocks: int = 1, num_warps: int = 0, overlap: bool = False,
) -> Tensor:  # fmt: skip
    """`blocks`: of 16 rows, in a program. `num_warps`: 0 chooses by the columns, as a search on an H200 found it."""
    overlap = starts_early(overlap)
    (tokens, k), rows = x.shape, weight.shape[0]
    num_warps = num_warps or (2 if k < 4096 else 4)
    while num_warps * CHUNK > k:  # a warp without a chunk would leave the others another layout
        num_warps //= 2
    out = torch.empty(tokens, rows, dtype=x.dtype, device=x.device)
    int4_mma_kernel[(triton.cdiv(rows, 16 * blocks),)](
        _aligned(x), words_of(weight), scale, out, tokens, rows,
        k, group, triton.next_power_of_2(k // CHUNK), blocks,
        num_warps, overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return out
