"""Float32 definition of attention over the cache."""

from __future__ import annotations

import torch
from torch import Tensor


def run(q: Tensor, k_cache: Tensor, v_cache: Tensor, positions: Tensor) -> Tensor:
    """q [batch, length, heads, head_dim], caches [batch, kv_heads, capacity, head_dim], positions [length] ->
    [batch, length, heads, head_dim]."""
    groups = q.shape[2] // k_cache.shape[1]
    seen = int(positions.max()) + 1
    keys = k_cache[:, :, :seen].float().repeat_interleave(groups, dim=1)
    values = v_cache[:, :, :seen].float().repeat_interleave(groups, dim=1)
    scores = q.float().transpose(1, 2) @ keys.transpose(2, 3) * q.shape[-1] ** -0.5
    hidden = torch.arange(seen, device=q.device) > positions.unsqueeze(-1)
    return (torch.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ values).transpose(1, 2)
