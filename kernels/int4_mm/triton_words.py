"""Decode: a program has whole rows of the matrix and reads each byte once, sixteen at a time; see `int4_words`.

All loads of a block of rows are issued before the first product, so that many bytes are in flight at once. That is for
one token; for several, tensor cores make the products at once, see `triton_mma` and `triton_few`.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_words import activations, block_words, dot_words, pairs_of, scaled_rows, words_fit, words_of
from ..overlap import launch_options, starts_early, wait_for_inputs
from .triton_few import chosen, why_not
from .triton_few import run as few_tokens
from .triton_mma import run as up_to_eight
from .triton_mma import takes_over

SPACE = {"block_n": [2, 4, 8, 16, 32], "block_k": [2048, 4096], "num_warps": [1, 2, 4, 8]}


def supports(case: Any) -> str | None:
    return words_fit(case.dims["k"], case.dims["group"])


@triton.jit
def words_kernel(
    x, weight, scale, out, tokens, rows,
    K: tl.constexpr, GROUP: tl.constexpr, PAIRS: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_W: tl.constexpr,
    OVERLAP: tl.constexpr,
):  # fmt: skip
    WORDS: tl.constexpr = K // 8
    GROUPS: tl.constexpr = K // GROUP
    GROUP_WORDS: tl.constexpr = GROUP // 8
    BLOCK_G: tl.constexpr = BLOCK_W // GROUP_WORDS
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    n_ok = (n < rows)[:, None]
    row = n.to(tl.int64)[:, None]
    for token in range(tokens):
        total = tl.zeros((BLOCK_N,), tl.float32)
        for start in range(0, WORDS, BLOCK_W):
            word = start + tl.arange(0, BLOCK_W)
            group = start // GROUP_WORDS + tl.arange(0, BLOCK_G)
            words = tl.load(weight + row * WORDS + word[None, :], mask=n_ok & (word < WORDS)[None, :], other=0)
            scales = tl.load(scale + row * GROUPS + group[None, :], mask=n_ok & (group < GROUPS)[None, :], other=0.0)
            wait_for_inputs(OVERLAP)
            x0, x1, x2, x3, x4, x5, x6, x7, zero = activations(x, token * WORDS + word, word < WORDS, PAIRS, BLOCK_W)
            sums = dot_words(words, x0, x1, x2, x3, x4, x5, x6, x7, zero)
            total += scaled_rows(sums, scales, BLOCK_N, BLOCK_G, GROUP_WORDS)
        tl.store(out + token * rows + n, total.to(out.dtype.element_ty), mask=n < rows)


def run(
    x: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 8, block_k: int = 4096, num_warps: int = 2, few_from: int = 3, overlap: bool = False,
) -> Tensor:  # fmt: skip
    """From two tokens on `triton_mma` takes over where it can.

    `few_from`: the number of tokens from which otherwise `triton_few` does, where that can; 0: neither ever does.
    """
    (tokens, k), rows = x.shape, weight.shape[0]
    if few_from and takes_over(x, group):
        return up_to_eight(x, weight, scale, group, overlap=overlap)
    if 0 < few_from <= tokens and why_not(group) is None:
        return few_tokens(x, weight, scale, group, **chosen(rows), overlap=overlap)
    overlap = starts_early(overlap)
    out = torch.empty(tokens, rows, dtype=x.dtype, device=x.device)
    block_w = min(block_words(k, group), max(block_k, group) // 8)
    words_kernel[(triton.cdiv(rows, block_n),)](
        pairs_of(x), words_of(weight), scale, out, tokens, rows, k, group, x.dtype == torch.bfloat16, block_n, block_w,
        overlap, num_warps=num_warps, **launch_options(overlap),
    )  # fmt: skip
    return out
