"""flash-linear-attention's recurrent kernel, for a decode step.

It writes a new state, which is copied over the old one. That copy and the contiguous copies of q, k and v count toward
this variant.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..flash_linear_attention import missing


def supports(case: Any) -> str | None:
    return missing()


def arguments(
    qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int
) -> dict[str, Any]:
    """Its arguments by name: q and k [batch, length, k_heads, k_dim], v [batch, length, v_heads, v_dim].

    The gates are passed unchanged: its kernels apply softplus and sigmoid themselves.
    """
    _, v_heads, k_dim, v_dim = state.shape
    q, k, v = qkv.split((k_heads * k_dim, k_heads * k_dim, v_heads * v_dim), dim=-1)
    return {
        "q": q.unflatten(-1, (k_heads, k_dim)).contiguous(), "k": k.unflatten(-1, (k_heads, k_dim)).contiguous(),
        "v": v.unflatten(-1, (v_heads, v_dim)).contiguous(), "g": a.contiguous(), "beta": b.contiguous(),
        "A_log": a_log, "dt_bias": dt_bias, "initial_state": state, "output_final_state": True,
        "use_qk_l2norm_in_kernel": True, "use_gate_in_kernel": True, "use_beta_sigmoid_in_kernel": True,
    }  # fmt: skip


def run(qkv: Tensor, a: Tensor, b: Tensor, a_log: Tensor, dt_bias: Tensor, state: Tensor, k_heads: int) -> Tensor:
    from fla.ops.gated_delta_rule import fused_recurrent_gated_delta_rule

    out, last = fused_recurrent_gated_delta_rule(**arguments(qkv, a, b, a_log, dt_bias, state, k_heads))
    state.copy_(last)
    return out
