"""Prefill in chunks: inside a chunk the recurrence is a triangular system, between chunks a state.

The log decay summed from the chunk's start is g_t. The updates are

    u_t = beta_t (v_t - e^{g_t} S^T k_t - sum_{s<t} e^{g_t - g_s} (k_t . k_s) u_s).

This is the system (I + A) U = beta V - beta e^g K S with A strictly lower. Then

    o_t = e^{g_t} S^T q_t + sum_{s<=t} e^{g_t - g_s} (q_t . k_s) u_s

(Yang, Kautz, Hatamizadeh, Gated Delta Networks, 2024, section 3.3).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .reference import split_heads


def run(
    qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int, *, chunk: int = 64
) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in split_heads(qkv.float(), state, k_heads))  # [batch, v_heads, length, dim]
    log_decay = -(a_log.exp() * torch.nn.functional.softplus(a.float() + dt_bias)).transpose(1, 2)
    beta = torch.sigmoid(b.float()).transpose(1, 2).unsqueeze(-1)
    current = state.clone()
    out = torch.empty_like(v)
    for start in range(0, qkv.shape[1], chunk):
        t = slice(start, start + chunk)
        queries, keys, g = q[:, :, t], k[:, :, t], log_decay[:, :, t].cumsum(-1)
        size = keys.shape[2]
        lower = torch.ones(size, size, dtype=torch.bool, device=qkv.device).tril()
        relative = (g.unsqueeze(-1) - g.unsqueeze(-2)).masked_fill(~lower, float("-inf")).exp()  # [.., t, s], s <= t
        from_start = g.exp().unsqueeze(-1)
        system = (beta[:, :, t] * relative * (keys @ keys.transpose(-1, -2))).tril(-1)
        right = beta[:, :, t] * (v[:, :, t] - from_start * (keys @ current))
        updates = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
        out[:, :, t] = from_start * (queries @ current) + (relative * (queries @ keys.transpose(-1, -2))) @ updates
        to_end = (g[..., -1:] - g).exp().unsqueeze(-1)
        current = g[..., -1].exp()[..., None, None] * current + (to_end * keys).transpose(-1, -2) @ updates
    state.copy_(current)
    return out.transpose(1, 2).to(qkv.dtype)
