"""The difference of two sides' logs with its standard error: for pairs, for pairs whose order matters, and for unpaired
processes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from harness.stats.students_t import two_sided


class Difference(NamedTuple):
    """Mean of ln(head / base), its standard error and that error's degrees of freedom, from n pairs, or from n
    processes a side."""

    centre: float
    error: float
    degrees: float
    n: int

    def half_width(self, confidence: float) -> float:
        """Half the width of the interval around the centre."""
        return two_sided(confidence, self.degrees) * self.error


class PairFit(NamedTuple):
    """The fit of a comparison's pairs.

    variance: Variance of the log ratio of one pair, with its degrees of freedom.
    weight: The centre's variance over `variance`, 1 / n at the least.
    """

    centre: float
    variance: float
    weight: float
    degrees: int
    n: int

    @property
    def difference(self) -> Difference:
        return Difference(self.centre, math.sqrt(self.variance * self.weight), self.degrees, self.n)


def fit_pairs(log_ratios: Sequence[float]) -> PairFit:
    """The fit of one log ratio per pair, two or more."""
    n = len(log_ratios)
    centre = math.fsum(log_ratios) / n
    return PairFit(centre, math.fsum((x - centre) ** 2 for x in log_ratios) / (n - 1), 1 / n, n - 1, n)


def fit_ordered_pairs(log_ratios: Sequence[float], head_first: Sequence[bool]) -> PairFit:
    """The same with the order in a pair as a covariate: least squares on x = centre ± effect of the order.

    Each order has its own mean. The centre lies half way between the two, so that an effect of the order cancels,
    however often each order occurs. Needs a pair of either order, and three in all.
    """
    sides = [[x for x, first in zip(log_ratios, head_first, strict=True) if first is which] for which in (True, False)]
    means = [math.fsum(side) / len(side) for side in sides]
    squares = math.fsum((x - mean) ** 2 for side, mean in zip(sides, means, strict=True) for x in side)
    n = len(log_ratios)
    return PairFit(sum(means) / 2, squares / (n - 2), sum(1 / len(side) for side in sides) / 4, n - 2, n)


def paired(log_ratios: Sequence[float]) -> Difference:
    """The difference from one log ratio per pair, two or more."""
    return fit_pairs(log_ratios).difference


def welch(base: Sequence[float], head: Sequence[float]) -> Difference:
    """The difference from logs of the medians of unrelated processes, two or more a side, whose spreads may differ
    (Welch, Biometrika 34:28, 1947)."""
    a, b = (statistics.variance(side) / len(side) for side in (base, head))
    spread = a**2 / (len(base) - 1) + b**2 / (len(head) - 1)
    degrees = (a + b) ** 2 / spread if spread else len(base) + len(head) - 2
    centre = statistics.fmean(head) - statistics.fmean(base)
    return Difference(centre, math.sqrt(a + b), degrees, min(len(base), len(head)))
