"""Float32 definition of QK norm, rope and cache update: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..kv_append.reference import run as append
from ..rms_norm.reference import run as norm
from ..rope.reference import run as rope


def run(
    q: Tensor, k: Tensor, v: Tensor, q_weight: Tensor, k_weight: Tensor, eps: float, positions: Tensor,
    rotary_dim: int, theta: float, k_cache: Tensor, v_cache: Tensor,
) -> Tensor:  # fmt: skip
    """q [batch, length, heads, head_dim], k and v [batch, length, kv_heads, head_dim], caches [batch, kv_heads,
    capacity, head_dim], in place -> rotated q."""
    q, k = rope(norm(q, q_weight, eps), norm(k, k_weight, eps), positions, rotary_dim, theta)
    append(k, v, positions, k_cache, v_cache)
    return q
