"""torch's own tile-packed int4 product (`_weight_int4pack_mm`, tinygemm), bfloat16 on CUDA, any float on the CPU.

Its value is (u - 8) * scale + zero with one (scale, zero) pair per group, laid out [k/group, n, 2]; ours has zero = 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..packing import unpack

INNER_K_TILES = 8
ROWS_PER_TILE = 16
"""8 on CUDA, 16 on the CPU: the larger refuses no shape of a real model."""


def supports(case: Any) -> str | None:
    """It takes groups of 32 to 256, whole tiles of k, and on CUDA bfloat16 activations."""
    group, k = case.dims["group"], case.dims["k"]
    if group not in (32, 64, 128, 256):
        return f"_weight_int4pack_mm takes groups of 32, 64, 128 or 256, not {group}"
    if k % (16 * INNER_K_TILES):
        return f"_weight_int4pack_mm takes k in multiples of {16 * INNER_K_TILES}, not {k}"
    if case.dims["n"] % ROWS_PER_TILE:
        return f"_weight_int4pack_mm takes rows in multiples of {ROWS_PER_TILE}, not {case.dims['n']}"
    if torch.cuda.is_available() and not case.dtype.endswith("bfloat16"):
        return "_weight_int4pack_mm takes bfloat16 on CUDA"
    return None


def prepare(inputs: dict[str, Any]) -> dict[str, Any]:
    """Nibbles into torch's tiles, scales into pairs."""
    weight, scale = inputs["weight"], inputs["scale"]
    pairs = torch.stack((scale, torch.zeros_like(scale)), dim=-1).transpose(0, 1).contiguous()
    if weight.is_cuda:
        swapped = (weight >> 4) | (weight << 4)  # torch packs the even k into the high nibble
        packed = torch.ops.aten._convert_weight_to_int4pack(swapped.contiguous(), INNER_K_TILES)
    else:
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(unpack(weight).to(torch.int32), INNER_K_TILES)
    return {"weight": packed, "scale": pairs}


def run(x: Tensor, weight: Tensor, scale: Tensor, group: int) -> Tensor:
    x = x.contiguous()
    if x.is_cuda:
        return torch.ops.aten._weight_int4pack_mm(x, weight, group, scale)
    return torch.ops.aten._weight_int4pack_mm_for_cpu(x, weight, group, scale)
