"""A kernel of one's own, outside the package: the int4 product of `my_suite.yaml`, which names it `./my_int4_mm.py`.

`run` takes the inputs of `kernels/int4_mm/spec.py` by name and in their order; what stands after the `*` are its
tunables.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def prepare(inputs: dict[str, Any]) -> dict[str, Any]:
    """Once, not timed: the nibbles 0..15 of uint8 [n, k/2], even k low, become the levels -8..7 of int8 [n, k]."""
    packed = inputs["weight"]
    nibbles = torch.stack((packed & 15, packed >> 4), dim=-1).flatten(-2)
    return {"weight": nibbles.to(torch.int8) - 8}


def run(x: Tensor, weight: Tensor, scale: Tensor, group: int, *, block_n: int = 128) -> Tensor:
    """x [tokens, k], weight [n, k] as prepared, scale [n, k/group] -> [tokens, n], `block_n` rows at a time."""
    out = torch.empty(x.shape[0], weight.shape[0], dtype=x.dtype, device=x.device)
    for start in range(0, weight.shape[0], block_n):
        rows = slice(start, start + block_n)
        levels = weight[rows].to(x.dtype).unflatten(1, (-1, group))
        out[:, rows] = x @ (levels * scale[rows].to(x.dtype).unsqueeze(-1)).flatten(1).T
    return out
