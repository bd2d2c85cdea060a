"""Float32 definition of residual and norm: the composition of the two."""

from __future__ import annotations

from torch import Tensor

from ..residual_add.reference import run as add
from ..rms_norm.reference import run as norm


def run(x: Tensor, y: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """x, y [tokens, hidden], weight [hidden] -> the sum and its norm, both [tokens, hidden]."""
    z = add(x, y)
    return z, norm(z, weight, eps)
