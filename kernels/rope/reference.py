"""Float32 definition of rotary positions."""

from __future__ import annotations

import torch
from torch import Tensor


def run(q: Tensor, k: Tensor, positions: Tensor, rotary_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """q [batch, length, heads, head_dim], k [batch, length, kv_heads, head_dim], positions [length] -> both rotated."""
    exponents = torch.arange(0, rotary_dim, 2, device=q.device, dtype=torch.float32) / rotary_dim
    angles = positions.float().unsqueeze(-1) * theta**-exponents  # [length, rotary_dim / 2]
    cos, sin = angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)  # [length, 1, rotary_dim / 2]

    def rotate(x: Tensor) -> Tensor:
        x = x.float()
        first, second, rest = x.split((rotary_dim // 2, rotary_dim // 2, x.shape[-1] - rotary_dim), dim=-1)
        return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), dim=-1)

    return rotate(q), rotate(k)
