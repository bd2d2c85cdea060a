"""Float32 definition of the delta mixer: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..causal_conv.reference import run as convolve
from ..gated_delta_rule.reference import run as delta_rule
from ..gated_rms_norm.reference import run as gated_norm
from ..int4_mm.reference import run as int4_mm


def run(
    x: Tensor, in_weight: Tensor, in_scale: Tensor, conv_weight: Tensor, a_log: Tensor, dt_bias: Tensor,
    norm_weight: Tensor, out_weight: Tensor, out_scale: Tensor, window: Tensor, state: Tensor, k_heads: int,
    eps: float, group: int,
) -> Tensor:  # fmt: skip
    """x [batch, length, hidden] -> [batch, length, hidden]. The rows of in_weight are q, k and v of all heads, z, b, a.
    Window and state are as in `causal_conv` and `gated_delta_rule`, in place.
    """
    batch, length = x.shape[:2]
    _, v_heads, _, v_dim = state.shape
    rows = int4_mm(x.flatten(0, 1), in_weight, in_scale, group).unflatten(0, (batch, length))
    qkv, z, b, a = rows.split((conv_weight.shape[0], v_heads * v_dim, v_heads, v_heads), dim=-1)
    y = delta_rule(convolve(qkv, conv_weight, window), a, b, a_log, dt_bias, state, k_heads)
    y = gated_norm(y.reshape(-1, v_dim), z.reshape(-1, v_dim), norm_weight, eps)
    return int4_mm(y.view(batch * length, -1), out_weight, out_scale, group).unflatten(0, (batch, length))
