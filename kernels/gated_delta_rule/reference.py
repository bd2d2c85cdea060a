"""Float32 definition of the gated delta rule, one step after the other."""

from __future__ import annotations

import torch
from torch import Tensor


def run(qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int) -> Tensor:
    """qkv [batch, length, 2 k_heads k_dim + v_heads v_dim], a and b [batch, length, v_heads] -> [batch, length,
    v_heads, v_dim]. The constants a_log and dt_bias are [v_heads]; state [batch, v_heads, k_dim, v_dim] float32, in
    place.
    """
    decays = torch.exp(-a_log.float().exp() * torch.nn.functional.softplus(a.float() + dt_bias.float())).unsqueeze(-1)
    betas = torch.sigmoid(b.float()).unsqueeze(-1)
    q, k, v, decay, beta = (
        x.transpose(0, 1).flatten(1, 2).unsqueeze(2).unbind()  # for each step [batch v_heads, 1, dim]
        for x in (*split_heads(qkv.float(), state, k_heads), decays, betas)
    )
    current = state.float().flatten(0, 1)  # [batch v_heads, k_dim, v_dim]
    outputs = []
    for t in range(qkv.shape[1]):
        current = current * decay[t]
        change = beta[t] * torch.baddbmm(v[t], k[t], current, alpha=-1)  # beta (v - S^T k)
        current = torch.baddbmm(current, k[t].mT, change)  # S + k change^T
        outputs.append(torch.bmm(q[t], current))
    state.copy_(current.view(state.shape))
    return torch.stack(outputs).unflatten(1, state.shape[:2]).squeeze(3).transpose(0, 1)


def split_heads(qkv: Tensor, state: Tensor, k_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """q and k [batch, length, v_heads, k_dim], L2-normalised and repeated, q scaled by k_dim ** -0.5; v [.., v_dim]."""
    _, v_heads, k_dim, v_dim = state.shape
    q, k, v = qkv.split((k_heads * k_dim, k_heads * k_dim, v_heads * v_dim), dim=-1)
    q, k = q.unflatten(-1, (k_heads, k_dim)), k.unflatten(-1, (k_heads, k_dim))
    q = q * torch.rsqrt(q.square().sum(-1, keepdim=True) + 1e-6) * k_dim**-0.5
    k = k * torch.rsqrt(k.square().sum(-1, keepdim=True) + 1e-6)
    repeats = v_heads // k_heads
    return q.repeat_interleave(repeats, 2), k.repeat_interleave(repeats, 2), v.unflatten(-1, (v_heads, v_dim))
