"""For many tokens: each expert that was hit is dequantised once and multiplied with its pairs. It reads the ids on the
host, so it cannot be captured in a CUDA graph.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..packing import dequantise


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int
) -> Tensor:
    tokens, top_k = expert_ids.shape
    gate, up = gate_up.float().chunk(2, dim=-1)
    activated = (torch.nn.functional.silu(gate) * up).to(gate_up.dtype)
    order = expert_ids.flatten().long().argsort(stable=True)
    counts = torch.bincount(expert_ids.flatten(), minlength=weight.shape[0]).tolist()
    rows = activated[order]
    products = torch.empty(tokens * top_k, weight.shape[1], dtype=torch.float32, device=gate_up.device)
    start = 0
    for expert, count in enumerate(counts):
        if count:
            matrix = dequantise(weight[expert], scale[expert], group).to(gate_up.dtype)
            products[order[start : start + count]] = (rows[start : start + count] @ matrix.T).float()
            start += count
    return torch.einsum("tkh,tk->th", products.unflatten(0, (tokens, top_k)), expert_weights).to(gate_up.dtype)
