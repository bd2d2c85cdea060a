"""Float32 definition of the gated activation."""

from __future__ import annotations

import torch
from torch import Tensor


def run(gate_up: Tensor) -> Tensor:
    """gate_up [tokens, 2 inter] -> [tokens, inter]."""
    gate, up = gate_up.float().chunk(2, dim=-1)
    return gate * torch.sigmoid(gate) * up
