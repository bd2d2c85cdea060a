"""Gated linear attention: state = exp(g) * state + k^T v and y = q state / sqrt(k_dim), token after token.

harness try examples/brought/ops/fla_gla.py
"""

from importlib.util import find_spec

import torch

ROLES = {"state": "state"}
SHAPES = [
    {"batch": 1, "length": 1, "heads": 2, "k_dim": 16, "v_dim": 32},
    {"batch": 2, "length": 5, "heads": 3, "k_dim": 24, "v_dim": 40},
]


def reference(q, k, v, g, state):
    y = torch.empty_like(v)
    for at in range(q.shape[1]):
        state.mul_(g[:, at].exp().unsqueeze(-1)).add_(k[:, at].unsqueeze(-1) * v[:, at].unsqueeze(-2))
        y[:, at] = (q[:, at].unsqueeze(-2) @ state).squeeze(-2) / q.shape[-1] ** 0.5
    return y


def inputs(batch=1, length=1, heads=16, k_dim=128, v_dim=128):
    q, k = torch.randn(batch, length, heads, k_dim), torch.randn(batch, length, heads, k_dim)
    v = torch.randn(batch, length, heads, v_dim)
    g = torch.nn.functional.logsigmoid(torch.randn(batch, length, heads, k_dim) + 2)
    return q, k, v, g, torch.randn(batch, heads, k_dim, v_dim, dtype=torch.float32)


def supports(case):
    missing = [name for name in ("fla", "einops") if not find_spec(name)]
    return "needs the package flash-linear-attention: pip install flash-linear-attention" if missing else None


def run(q, k, v, g, state):
    """flash-linear-attention's kernel; it returns a new state, which is copied: whoever uses it pays that, too."""
    from fla.ops.gla import fused_recurrent_gla

    y, last = fused_recurrent_gla(q, k, v, gk=g, initial_state=state, output_final_state=True)
    state.copy_(last)
    return y
