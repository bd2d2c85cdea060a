"""Float32 definition of routing: the composition of the ops that it replaces."""

from __future__ import annotations

from torch import Tensor

from ..linear.reference import run as linear
from ..router.reference import run as choose


def run(x: Tensor, weight: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """x [tokens, hidden], weight [experts, hidden] -> weights [tokens, top_k] float32, expert_ids [tokens, top_k]
    int32, largest first.
    """
    return choose(linear(x, weight), top_k)
