"""Float32 definition of the gated sum."""

from __future__ import annotations

import torch
from torch import Tensor


def run(routed: Tensor, shared: Tensor, gate: Tensor) -> Tensor:
    """routed, shared [tokens, hidden], gate [tokens, 1] -> [tokens, hidden]."""
    return routed.float() + torch.sigmoid(gate.float()) * shared.float()
