"""Iterates over experts, for the definitions of the expert products and for variants for many tokens."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from .packing import dequantise

AT_ONCE = 32
"""Experts held in float32 together: 32 x 1024 x 2048 x 4 bytes = 0.27 GB of the largest model."""


def each_expert(expert_ids: Tensor, weight: Tensor, scale: Tensor, group: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (places, matrix) for every expert that occurs in expert_ids [tokens, top_k].

    The places of the expert are counted through the flattened ids. Its matrix is [n, k] in float32, from weight
    [experts, n, k/2] uint8 and scale [experts, n, k/group].
    """
    flat = expert_ids.flatten().long()
    order = flat.argsort(stable=True)
    experts, counts = flat[order].unique_consecutive(return_counts=True)
    start = 0
    for some, their_counts in zip(experts.split(AT_ONCE), counts.split(AT_ONCE), strict=True):
        matrices = dequantise(weight[some], scale[some], group)
        for matrix, count in zip(matrices, their_counts.tolist(), strict=True):
            yield order[start : start + count], matrix
            start += count
