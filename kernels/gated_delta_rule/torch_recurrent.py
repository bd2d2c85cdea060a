"""The recurrence in torch, one step at a time: products as batched matrix products, the state updated in place."""

from __future__ import annotations

import torch
from torch import Tensor

from .reference import split_heads


def run(qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int) -> Tensor:
    batch, length = qkv.shape[:2]
    _, v_heads, k_dim, v_dim = state.shape
    q, k, v = split_heads(qkv.float(), state, k_heads)
    decay = torch.exp(-a_log.exp() * torch.nn.functional.softplus(a.float() + dt_bias))
    beta = torch.sigmoid(b.float())
    flat = state.view(batch * v_heads, k_dim, v_dim)
    out = torch.empty(batch, length, v_heads, v_dim, dtype=torch.float32, device=qkv.device)
    for t in range(length):
        key = k[:, t].reshape(-1, k_dim, 1)
        flat.mul_(decay[:, t].reshape(-1, 1, 1))
        change = beta[:, t].reshape(-1, 1, 1) * (v[:, t].reshape(-1, 1, v_dim) - key.transpose(1, 2) @ flat)
        flat.baddbmm_(key, change)
        out[:, t] = (q[:, t].reshape(-1, 1, k_dim) @ flat).view(batch, v_heads, v_dim)
    return out.to(qkv.dtype)
