"""For many tokens: each expert that was hit is dequantised once and multiplied with its tokens. It reads the ids on the
host, so it cannot be captured in a CUDA graph.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..packing import dequantise


def run(x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int) -> Tensor:
    tokens, top_k = expert_ids.shape
    order = expert_ids.flatten().long().argsort(stable=True)
    counts = torch.bincount(expert_ids.flatten(), minlength=weight.shape[0]).tolist()
    rows = x[order // top_k]
    out = torch.empty(tokens * top_k, weight.shape[1], dtype=x.dtype, device=x.device)
    start = 0
    for expert, count in enumerate(counts):
        if count:
            matrix = dequantise(weight[expert], scale[expert], group).to(x.dtype)
            out[order[start : start + count]] = rows[start : start + count] @ matrix.T
            start += count
    return out
