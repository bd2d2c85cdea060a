"""For few tokens: the chosen experts' bytes are gathered, dequantised and multiplied, `pairs_per_step` at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from ..packing import dequantise


def run(x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int, *, pairs_per_step: int = 2) -> Tensor:
    tokens, top_k = expert_ids.shape
    pairs = tokens * top_k
    flat = expert_ids.flatten()
    rows = x.repeat_interleave(top_k, dim=0)
    out = torch.empty(pairs, weight.shape[1], dtype=x.dtype, device=x.device)
    for start in range(0, pairs, pairs_per_step):
        step = slice(start, start + pairs_per_step)
        matrices = dequantise(weight[flat[step]], scale[flat[step]], group).to(x.dtype)
        out[step] = torch.bmm(matrices, rows[step].unsqueeze(-1)).squeeze(-1)
    return out
