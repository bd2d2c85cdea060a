"""flash-linear-attention's recurrent gated delta rule as a variant of `gated_delta_rule`.

harness try examples/brought/fla_gated_delta_rule.py --op gated_delta_rule
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor


def supports(case: Any) -> str | None:
    missing = [name for name in ("fla", "einops") if not find_spec(name)]
    return "needs the package flash-linear-attention: pip install flash-linear-attention" if missing else None


def run(qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int) -> Tensor:
    """qkv [batch, length, 2 k_heads k_dim + v_heads v_dim], a and b [batch, length, v_heads], state [batch, v_heads,
    k_dim, v_dim] float32, in place -> [batch, length, v_heads, v_dim]. It returns a new state, which is copied."""
    from fla.ops.gated_delta_rule import fused_recurrent_gated_delta_rule

    _, v_heads, k_dim, v_dim = state.shape
    q, k, v = qkv.split((k_heads * k_dim, k_heads * k_dim, v_heads * v_dim), dim=-1)
    q, k = (part.unflatten(-1, (k_heads, k_dim)).contiguous() for part in (q, k))
    decay = -a_log.exp() * torch.nn.functional.softplus(a.float() + dt_bias)
    y, last = fused_recurrent_gated_delta_rule(
        q, k, v.unflatten(-1, (v_heads, v_dim)).contiguous(), g=decay, beta=b.float().sigmoid(),
        initial_state=state, output_final_state=True, use_qk_l2norm_in_kernel=True,
    )  # fmt: skip
    state.copy_(last)
    return y
