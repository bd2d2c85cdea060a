"""Float32 definition of the router."""

from __future__ import annotations

import torch
from torch import Tensor


def run(logits: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """logits [tokens, experts] -> weights [tokens, top_k] float32, expert_ids [tokens, top_k] int32; largest first."""
    probabilities, order = torch.softmax(logits.float(), -1).sort(dim=-1, descending=True, stable=True)
    chosen = probabilities[:, :top_k]
    return chosen / chosen.sum(-1, keepdim=True), order[:, :top_k].to(torch.int32)
