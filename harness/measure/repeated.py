"""Compare tensors of the same question without a wait for the device: which bits differ, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.values.numerics import Sameness

HELD_BYTES = 256 << 20
"""Bytes of outputs that wait for the comparison."""
SAME_SIZE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Repeated:
    """first: outputs and states of one call. `add` takes those of further calls, which must not change afterwards."""

    def __init__(self, first: Sequence[Tensor]) -> None:
        self.first = [tensor.detach().clone() for tensor in first]
        self.calls = 1
        self._worst = list(self.first)
        self._most = [tensor.new_zeros((), dtype=torch.float64) for tensor in self.first]
        self._differing = 0
        self._held: list[Sequence[Tensor]] = []
        self._most_held = max(1, HELD_BYTES // max(1, sum(tensor.nbytes for tensor in self.first)))

    def add(self, again: Sequence[Tensor]) -> None:
        self.calls += 1
        self._held.append(again)
        if len(self._held) >= self._most_held:
            self._look()

    @property
    def differing(self) -> int:
        """The number of calls whose bits differ from the first call's in any tensor."""
        self._look()
        return self._differing

    @property
    def max_difference(self) -> float:
        """The largest difference from the first call, relative to the largest value of its tensor."""
        self._look()
        if not self._differing:
            return 0.0
        return max((relative(most, first) for most, first in zip(self._most, self.first, strict=True)), default=0.0)

    @property
    def worst(self) -> Sequence[Tensor]:
        """For each tensor, the one among all calls that is furthest from the first."""
        self._look()
        return self._worst

    def _look(self) -> None:
        """Compare all held tensors at once: most kernels repeat themselves, and one answer for all calls shows it."""
        held, self._held = self._held, []
        if not held or not self.first:
            return
        unlike = [
            (torch.stack([bits(other) for other in others]) != bits(first)).reshape(len(held), -1).any(1)
            for first, *others in zip(self.first, *held, strict=True)
        ]
        for again, differs in zip(held, torch.stack(unlike).any(0).tolist(), strict=True):
            if differs:
                self._differing += 1
                self._keep_worst(again)

    def _keep_worst(self, again: Sequence[Tensor]) -> None:
        for place, (first, other) in enumerate(zip(self.first, again, strict=True)):
            unlike = bits(first) != bits(other)
            distance = torch.where(unlike, (first.double() - other.double()).abs(), 0.0).nan_to_num(nan=torch.inf)
            most = distance.max() if distance.numel() else self._most[place]
            further = most > self._most[place]
            self._worst[place] = torch.where(further, other, self._worst[place])
            self._most[place] = torch.maximum(self._most[place], most)


def bits(tensor: Tensor) -> Tensor:
    """The values as integers of their size: NaN equals itself, and zero has a sign."""
    if tensor.dtype == torch.bool:
        return tensor.contiguous().view(torch.uint8)
    return tensor.contiguous().view(SAME_SIZE[tensor.element_size()])


def relative(distance: Tensor, reference: Tensor) -> float:
    """A distance in units of the reference's largest finite value; infinite beside zeros alone."""
    size = float(reference.double().nan_to_num(0, 0, 0).abs().max()) if reference.numel() else 0.0
    far = float(distance)
    return far / size if size else (float("inf") if far else 0.0)


def sameness(differing: int, max_difference: float, allowed: float) -> Sameness:
    """The label of repeated calls. allowed: the largest difference that the op's tolerance permits, relative to the
    output's size."""
    if not differing:
        return Sameness.BITWISE
    return Sameness.WITHIN if max_difference <= allowed else Sameness.DIFFERS
