"""For many tokens: each expert that was chosen is dequantised once and multiplied with its pairs.

It reads the ids on the host, so it cannot be captured in a CUDA graph.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..experts import each_expert


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int
) -> Tensor:
    tokens, top_k = expert_ids.shape
    gate, up = gate_up.float().chunk(2, dim=-1)
    activated = (torch.nn.functional.silu(gate) * up).to(gate_up.dtype)
    products = torch.empty(tokens * top_k, weight.shape[1], dtype=torch.float32, device=gate_up.device)
    for pairs, matrix in each_expert(expert_ids, weight, scale, group):
        products[pairs] = (activated[pairs] @ matrix.to(gate_up.dtype).T).float()
    return torch.einsum("tkh,tk->th", products.unflatten(0, (tokens, top_k)), expert_weights).to(gate_up.dtype)
