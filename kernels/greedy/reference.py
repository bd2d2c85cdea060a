"""Definition of greedy sampling."""

from __future__ import annotations

from torch import Tensor


def run(logits: Tensor) -> Tensor:
    """logits [batch, vocab] -> [batch] int64, the lowest of equal ids."""
    largest = logits.amax(-1, keepdim=True)
    return (logits == largest).int().argmax(-1)
