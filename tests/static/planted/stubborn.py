"""x + y by torch: no Triton kernel, and a tunable that nothing from outside can see."""

from __future__ import annotations

from torch import Tensor


def run(x: Tensor, y: Tensor, *, patience: int = 1) -> Tensor:
    return x + y
