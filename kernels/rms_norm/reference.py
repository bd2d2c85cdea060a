"""Float32 definition of the zero-centred RMS norm."""

from __future__ import annotations

import torch
from torch import Tensor


def run(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x [rows, width], weight [width] -> [rows, width]."""
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * (1 + weight.float())
