"""For many tokens: all experts are dequantised at once and multiplied by torch's grouped product, pairs sorted by
expert.

Nothing is read on the host. It holds all experts in the activations' dtype while it runs: 0.5 GB for 256 x 2048 x 512.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..moe_gate_up.torch_grouped import by_expert, dequantise_all, grouped_product_fits


def supports(case: Any) -> str | None:
    return grouped_product_fits(case.dtype, case.dims["inter"], case.dims["hidden"])


def run(
    gate_up: Tensor, expert_ids: Tensor, expert_weights: Tensor, weight: Tensor, scale: Tensor, group: int
) -> Tensor:
    tokens, top_k = expert_ids.shape
    gate, up = gate_up.float().chunk(2, dim=-1)
    activated = (torch.nn.functional.silu(gate) * up).to(gate_up.dtype)
    order, ends = by_expert(expert_ids, weight.shape[0])
    matrices = dequantise_all(weight, scale, group, gate_up.dtype)
    products = torch.empty(tokens * top_k, weight.shape[1], dtype=gate_up.dtype, device=gate_up.device)
    products[order] = torch._grouped_mm(activated[order], matrices.transpose(1, 2), offs=ends)
    return torch.einsum("tkh,tk->th", products.unflatten(0, (tokens, top_k)).float(), expert_weights).to(gate_up.dtype)
