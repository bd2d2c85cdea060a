"""Float32 definition of the first half of an attention layer: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..add_rms_norm.reference import run as add_rms_norm
from ..int4_mm.reference import run as int4_mm
from ..qk_norm_rope.reference import run as prepare
from ..sdpa.reference import run as attend
from ..sigmoid_gate.reference import run as gated


def run(
    x: Tensor, y: Tensor, ln_weight: Tensor, in_weight: Tensor, in_scale: Tensor, q_weight: Tensor, k_weight: Tensor,
    out_weight: Tensor, out_scale: Tensor, positions: Tensor, k_cache: Tensor, v_cache: Tensor, heads: int,
    rotary_dim: int, theta: float, eps: float, group: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """x, y [batch, length, hidden] -> the sum of x and y, and attention's addition to it, both of that shape. The rows
    of in_weight are queries and gates of all heads, keys and values of all kv heads; caches are as in `qk_norm_rope`.
    """
    kv_heads, width = k_cache.shape[1], k_cache.shape[3]
    z, normed = add_rms_norm(x.flatten(0, 1), y.flatten(0, 1), ln_weight, eps)
    rows = int4_mm(normed, in_weight, in_scale, group).unflatten(0, x.shape[:2])
    parts = rows.split((heads * width, heads * width, kv_heads * width, kv_heads * width), dim=-1)
    q, gate, k, v = (part.unflatten(-1, (-1, width)) for part in parts)
    q = prepare(q, k, v, q_weight, k_weight, eps, positions, rotary_dim, theta, k_cache, v_cache)
    out = gated(attend(q, k_cache, v_cache, positions), gate).reshape(len(normed), -1)
    return z.view(x.shape), int4_mm(out, out_weight, out_scale, group).view(x.shape)
