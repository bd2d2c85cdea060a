"""One token on tensor cores with one instruction a weight (see `int4_tile`); several tokens as in `triton_words`.

A program has 16 rows, its warps share the groups of k. All weights of a program are in registers before the kernel
before has ended.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_tile import plain_rows, tile_rows
from ..int4_words import words_of
from ..overlap import launch_options, starts_early
from ..tile_asm import tile_asm, tile_constraints, tile_fits
from .triton_words import run as words

SPACE = {"num_warps": [1, 2, 4, 8], "together": [2, 4]}


def supports(case: Any) -> str | None:
    dims = case.dims
    return tile_fits(dims["n"], dims["k"], dims["group"], case.answer.tunables.get("num_warps", 2), case.activations)


@triton.jit
def int4_tile_kernel(
    x, weight, scale, out, K: tl.constexpr, CHUNKS: tl.constexpr, WARPS: tl.constexpr, ASM: tl.constexpr,
    CONSTRAINTS: tl.constexpr,
):  # fmt: skip
    first = tl.program_id(0) * 16
    total = plain_rows(x, weight, scale, first, False, K, CHUNKS, WARPS, ASM, CONSTRAINTS)
    tl.store(out + first + tile_rows(), total.to(out.dtype.element_ty))


def run(
    x: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, num_warps: int = 2, together: int = 4, overlap: bool = False,
) -> Tensor:  # fmt: skip
    (tokens, k), rows = x.shape, weight.shape[0]
    if tokens > 1:
        return words(x, weight, scale, group, overlap=overlap)
    early = starts_early(overlap)
    out = torch.empty(1, rows, dtype=x.dtype, device=x.device)
    chunks = k // 128 // num_warps
    asm = tile_asm(chunks, early, "plain", together)
    int4_tile_kernel[(rows // 16,)](
        x.contiguous(), words_of(weight), scale, out, k, chunks, num_warps, asm, tile_constraints(),
        num_warps=num_warps, **launch_options(early),
    )  # fmt: skip
    return out
