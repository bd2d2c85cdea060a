"""For few tokens: the chosen experts' bytes are gathered, dequantised and multiplied, `pairs_per_step` at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from ..packing import dequantise


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int,
    *, pairs_per_step: int = 2,
) -> Tensor:  # fmt: skip
    tokens, top_k = expert_ids.shape
    gate, up = gate_up.float().chunk(2, dim=-1)
    activated = (torch.nn.functional.silu(gate) * up * expert_weights.flatten().unsqueeze(-1)).to(gate_up.dtype)
    flat = expert_ids.flatten()
    products = torch.empty(tokens * top_k, weight.shape[1], dtype=torch.float32, device=gate_up.device)
    for start in range(0, tokens * top_k, pairs_per_step):
        step = slice(start, start + pairs_per_step)
        matrices = dequantise(weight[flat[step]], scale[flat[step]], group).to(gate_up.dtype)
        products[step] = torch.bmm(matrices, activated[step].unsqueeze(-1)).squeeze(-1).float()
    return products.unflatten(0, (tokens, top_k)).sum(1).to(gate_up.dtype)
