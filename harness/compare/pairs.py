"""The measurements of one case's pairs, in their order."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.compare.order import is_covariate, tells
from harness.stats.difference import PairFit, fit_ordered_pairs, fit_pairs
from harness.stats.modes import two_modes


@dataclass(frozen=True)
class Pairs:
    """base, head: logs of the medians of the processes; number n of both are a pair. head_first: whether head ran first
    in it; empty where that is unknown."""

    base: Sequence[float]
    head: Sequence[float]
    head_first: Sequence[bool] = ()

    @property
    def n(self) -> int:
        return len(self.base)

    @cached_property
    def log_ratios(self) -> list[float]:
        """ln(head / base)."""
        return [head - base for base, head in zip(self.base, self.head, strict=True)]

    def first(self, n: int) -> Pairs:
        return Pairs(self.base[:n], self.head[:n], self.head_first[:n])

    @property
    def judgeable(self) -> bool:
        """Whether their order allows a verdict."""
        return not self.head_first or tells(self.head_first)

    @cached_property
    def fit(self) -> PairFit:
        """The fit of two pairs or more; with the order as a covariate from eight on."""
        if is_covariate(self.head_first):
            return fit_ordered_pairs(self.log_ratios, self.head_first)
        return fit_pairs(self.log_ratios)

    @property
    def process_logs(self) -> list[float]:
        """Logs of both sides, each around its side's median."""
        return [x - centre for side in (self.base, self.head) for centre in [statistics.median(side)] for x in side]

    @property
    def has_two_modes(self) -> bool:
        """Whether the processes of both sides together fall into two groups."""
        return two_modes(self.process_logs)
