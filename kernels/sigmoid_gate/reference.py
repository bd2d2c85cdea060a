"""Float32 definition of the output gate."""

from __future__ import annotations

import torch
from torch import Tensor


def run(x: Tensor, gate: Tensor) -> Tensor:
    """x, gate [tokens, width] -> [tokens, width]."""
    return x.float() * torch.sigmoid(gate.float())
