"""Float32 definition of the int4 product."""

from __future__ import annotations

from torch import Tensor

from ..packing import dequantise


def run(x: Tensor, weight: Tensor, scale: Tensor, group: int) -> Tensor:
    """x [tokens, k], weight [n, k/2] uint8, scale [n, k/group] -> [tokens, n]."""
    return x.float() @ dequantise(weight, scale, group).T
