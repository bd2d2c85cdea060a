"""Rotary positions in torch, q and k in one pass; angles in float32: position times frequency needs over 8 bits."""

from __future__ import annotations

import torch
from torch import Tensor


def run(q: Tensor, k: Tensor, positions: Tensor, rotary_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    heads = q.shape[2]
    exponents = torch.arange(0, rotary_dim, 2, device=q.device, dtype=torch.float32) / -rotary_dim
    angles = torch.outer(positions.float(), torch.pow(theta, exponents)).unsqueeze(1)
    cos, sin = angles.cos(), angles.sin()
    both = torch.cat((q, k), dim=2)
    first, second = both[..., : rotary_dim // 2].float(), both[..., rotary_dim // 2 : rotary_dim].float()
    rotated = first * cos - second * sin, second * cos + first * sin  # both before either is written over
    both[..., : rotary_dim // 2], both[..., rotary_dim // 2 : rotary_dim] = rotated
    return both[:, :, :heads], both[:, :, heads:]
