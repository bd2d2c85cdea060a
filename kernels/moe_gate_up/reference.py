"""Float32 definition of the first expert product."""

from __future__ import annotations

import torch
from torch import Tensor

from ..experts import each_expert


def run(x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int) -> Tensor:
    """x [tokens, hidden], expert_ids [tokens, top_k], weight [experts, 2 inter, hidden/2] uint8, scale [experts,
    2 inter, hidden/group] -> [tokens * top_k, 2 inter]."""
    tokens, top_k = expert_ids.shape
    out = torch.zeros(tokens * top_k, weight.shape[1], device=x.device)
    for pairs, matrix in each_expert(expert_ids, weight, scale, group):
        out[pairs] = x[pairs // top_k].float() @ matrix.T
    return out
