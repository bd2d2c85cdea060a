"""For a few tokens, a decode step at batch 2 to 16: each weight is read and turned into a level once, for all tokens.

The product is that of `triton_gemm`, weight rows by tokens on tensor cores with the levels formed in registers. Its
blocks have few rows, so that a small matrix has enough programs. Four weights are a half word, and one load has their
four activations, so that each load is wide enough to be prefetched and no other kernel orders activations first. Nibble
j of all half words of a group times activation j of all fours is one product.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..int4_words import joined
from ..overlap import launch_options, starts_early, wait_for_inputs
from ..tensor_cores import dot, dot_from_zero, rounded
from .triton_gemm import LEAST, levels

SPACE = {
    "block_n": [16, 32, 64, 128],
    "groups": [1, 2, 4, 8],
    "num_warps": [1, 2, 4, 8],
    "num_stages": [2, 3, 4],
    "where": ["num_warps * 16 <= block_n", "block_n <= num_warps * 32"],
}
FOUR = 4
"""Weights of a half word."""
MANY_ROWS = 8192
"""From this many rows on every multiprocessor has a block of 64 rows."""


def supports(case: Any) -> str | None:
    return why_not(case.dims["group"])


def why_not(group: int) -> str | None:
    """The reason why weights in groups of that size cannot be multiplied here; None where they can."""
    fours = group // FOUR
    if group % FOUR or fours < LEAST or fours & (fours - 1):
        return f"the group {group} is no power of two of at least {FOUR * LEAST}"
    return None


def chosen(rows: int) -> dict[str, int]:
    """Tunables by size, as a sweep on an H100 found them (`LOG.md`)."""
    if rows > MANY_ROWS:
        return {"block_n": 64, "groups": 2, "num_warps": 2, "num_stages": 3}
    return {"block_n": 16, "groups": 4, "num_warps": 1, "num_stages": 3}


@triton.jit
def _activation(fours, x_at, ok, J: tl.constexpr, PACKED: tl.constexpr):
    """Activation J of each four: extracted from the four bfloat16 values of a load (PACKED), or loaded."""
    if PACKED:
        value = (fours >> (16 * J)).to(tl.int16).to(tl.bfloat16, bitcast=True)
    else:
        value = tl.load(x_at + J, mask=ok, other=0.0)
    return value


@triton.jit
def int4_few_kernel(
    x, weight, scale, out, tokens, rows,
    FOURS: tl.constexpr, GROUP_FOURS: tl.constexpr, GROUPS: tl.constexpr, PACKED: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_T: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    t = tl.program_id(1) * BLOCK_T + tl.arange(0, BLOCK_T)
    four = tl.arange(0, GROUP_FOURS)
    n_ok, t_ok = n < rows, (t < tokens)[None, :]
    row = n.to(tl.int64)
    weight_at = weight + row[:, None] * FOURS + four[None, :]
    scale_at = scale + row * (FOURS // GROUP_FOURS)
    width: tl.constexpr = 1 if PACKED else 4
    x_at = x + (t[None, :] * FOURS + four[:, None]) * width
    wait_for_inputs(OVERLAP)
    acc = tl.zeros((BLOCK_N, BLOCK_T), tl.float32)
    for first in range(0, FOURS, GROUPS * GROUP_FOURS):
        for group in tl.static_range(GROUPS):
            start = first + group * GROUP_FOURS
            halves = tl.load(weight_at + start, mask=n_ok[:, None], other=0)
            scales = tl.load(scale_at + start // GROUP_FOURS, mask=n_ok, other=0.0)
            here = x_at + start * width
            fours = tl.load(here, mask=t_ok, other=0) if PACKED else start
            values = _activation(fours, here, t_ok, 0, PACKED)
            part = dot_from_zero(levels(halves & 15, values.dtype), values)
            for j in tl.static_range(1, 4):
                values = _activation(fours, here, t_ok, j, PACKED)
                part = dot(levels((halves >> (4 * j)) & 15, values.dtype), values, part)
            acc += part * scales.to(tl.float32)[:, None]
    at = out + t[None, :].to(tl.int64) * rows + n[:, None]
    tl.store(at, rounded(acc, out.dtype.element_ty), mask=n_ok[:, None] & t_ok)


def run(
    x: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, block_n: int = 32, groups: int = 4, num_warps: int = 2, num_stages: int = 2, overlap: bool = False,
) -> Tensor:  # fmt: skip
    """`groups`: groups of a row in one step of the loop (fewer where they do not divide a row's); their products do not
    wait for each other.
    """
    overlap = starts_early(overlap)
    (tokens, k), rows = x.shape, weight.shape[0]
    packed = x.dtype == torch.bfloat16
    out = torch.empty(tokens, rows, dtype=x.dtype, device=x.device)
    int4_few_kernel[(triton.cdiv(rows, block_n), triton.cdiv(tokens, LEAST))](
        joined(x, torch.int64) if packed else x.contiguous(), weight.view(torch.int16), scale, out, tokens, rows,
        k // FOUR, group // FOUR, math.gcd(groups, k // group), packed, block_n, LEAST, overlap,
        num_warps=num_warps, num_stages=num_stages, **launch_options(overlap),
    )  # fmt: skip
    return out
