"""Definition of the cache update."""

from __future__ import annotations

from torch import Tensor


def run(k: Tensor, v: Tensor, positions: Tensor, k_cache: Tensor, v_cache: Tensor) -> None:
    """k, v [batch, length, kv_heads, head_dim]; the caches [batch, kv_heads, capacity, head_dim] change in place."""
    for i, position in enumerate(positions.tolist()):
        k_cache[:, :, position] = k[:, i].to(k_cache.dtype)
        v_cache[:, :, position] = v[:, i].to(v_cache.dtype)
