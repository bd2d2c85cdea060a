"""For many tokens: each expert that was chosen is dequantised once and multiplied with its tokens.

It reads the ids on the host, so it cannot be captured in a CUDA graph.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..experts import each_expert


def run(x: Tensor, expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int) -> Tensor:
    tokens, top_k = expert_ids.shape
    out = torch.empty(tokens * top_k, weight.shape[1], dtype=x.dtype, device=x.device)
    for pairs, matrix in each_expert(expert_ids, weight, scale, group):
        out[pairs] = x[pairs // top_k] @ matrix.to(x.dtype).T
    return out
