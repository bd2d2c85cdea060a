"""Float32 definition of the dense product."""

from __future__ import annotations

from torch import Tensor


def run(x: Tensor, weight: Tensor) -> Tensor:
    """x [tokens, k], weight [n, k] -> [tokens, n]."""
    return x.float() @ weight.float().T
