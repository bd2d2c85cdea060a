"""Float32 definition of the first expert product."""

from __future__ import annotations

import torch
from torch import Tensor

from ..packing import dequantise


def run(x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int) -> Tensor:
    """x [tokens, hidden], expert_ids [tokens, top_k], weight [experts, 2 inter, hidden/2] uint8, scale [experts,
    2 inter, hidden/group] -> [tokens * top_k, 2 inter]; one expert is dequantised at a time."""
    tokens, top_k = expert_ids.shape
    flat = expert_ids.flatten().long()
    source = torch.arange(tokens, device=x.device).repeat_interleave(top_k)
    out = torch.zeros(tokens * top_k, weight.shape[1], device=x.device)
    for expert in flat.unique().tolist():
        pairs = (flat == expert).nonzero().flatten()
        out[pairs] = x[source[pairs]].float() @ dequantise(weight[expert], scale[expert], group).T
    return out
