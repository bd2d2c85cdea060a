"""Float32 definition of the gated RMS norm."""

from __future__ import annotations

import torch
from torch import Tensor


def run(x: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x, gate [rows, width], weight [width] -> [rows, width]."""
    x, gate = x.float(), gate.float()
    normed = weight.float() * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
    return normed * gate * torch.sigmoid(gate)
