"""Float32 definition of the second expert product."""

from __future__ import annotations

import torch
from torch import Tensor

from ..experts import each_expert


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int
) -> Tensor:
    """gate_up [tokens * top_k, 2 inter], expert_ids and expert_weights [tokens, top_k] -> [tokens, hidden]. The weights
    are [experts, hidden, inter/2] uint8, the scales [experts, hidden, inter/group].
    """
    tokens, top_k = expert_ids.shape
    gate, up = gate_up.float().chunk(2, dim=-1)
    activated = gate * torch.sigmoid(gate) * up
    out = torch.zeros(tokens * top_k, weight.shape[1], device=gate_up.device)
    for pairs, matrix in each_expert(expert_ids, weight, scale, group):
        out[pairs] = activated[pairs] @ matrix.T
    return (out.unflatten(0, (tokens, top_k)) * expert_weights.float().unsqueeze(-1)).sum(1)
