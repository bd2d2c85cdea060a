"""Means over tokens, and tests for their difference. Consecutive tokens share their past, so blocks of them are the
units: the interval is Student's t over the means of blocks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.stats.estimate import normal_quantile
from harness.stats.students_t import two_sided
from harness.values.quality import QualityVerdict, TokenMean

BLOCK_TOKENS = 4
"""Consecutive tokens of one sequence."""
SHOWN = 0.95
"""Confidence of intervals that are shown."""
DECIDED = 0.999
"""Confidence of a verdict in words: in 95 % of series of 50 comparisons of an arm with itself, none is flagged."""


def mean_of(blocks: Sequence[float], least: float = -math.inf, most: float = math.inf) -> TokenMean:
    """The mean of two blocks or more.

    least, most: Bounds of the mean.
    """
    half, centre = _half(blocks, SHOWN), statistics.fmean(blocks)
    return TokenMean(centre, max(least, centre - half), min(most, centre + half))


def share_of(blocks: Sequence[float], tokens: int) -> TokenMean:
    """A share of tokens. If all agree, or none, blocks have no spread: the interval is at least Wilson's for
    independent tokens."""
    found, z = mean_of(blocks, 0.0, 1.0), normal_quantile(SHOWN)
    centre = (found.value + z * z / (2 * tokens)) / (1 + z * z / tokens)
    half = z * math.sqrt(found.value * (1 - found.value) / tokens + (z / (2 * tokens)) ** 2) / (1 + z * z / tokens)
    return TokenMean(found.value, max(0.0, min(found.low, centre - half)), min(1.0, max(found.high, centre + half)))


def difference(head: Sequence[float], base: Sequence[float]) -> list[float]:
    """The difference block by block. Both sides have the same tokens."""
    return [b - a for a, b in zip(base, head, strict=True)]


def direction(blocks: Sequence[float]) -> int:
    """Sign of a mean that differs from zero at the confidence of verdicts. Else 0."""
    centre = statistics.fmean(blocks)
    return 0 if abs(centre) <= _half(blocks, DECIDED) else (1 if centre > 0 else -1)


def judge(apart: Sequence[float], again: Sequence[float], kl_change: Sequence[float]) -> QualityVerdict:
    """The verdict on an arm against another. All arguments are by block.

    apart: KL between two arms.
    again: KL of one of them from itself, in a second pass.
    kl_change: Change of the divergence from the float32 model.
    """
    if direction(difference(apart, again)) <= 0:
        return QualityVerdict.AS_ITSELF
    return toward(kl_change) or QualityVerdict.DIFFERS


def toward(kl_change: Sequence[float]) -> QualityVerdict | None:
    """The verdict that a side is closer to the float32 model, or farther from it. None if neither is shown."""
    return {1: QualityVerdict.FARTHER, -1: QualityVerdict.CLOSER}.get(direction(kl_change))


def _half(blocks: Sequence[float], confidence: float) -> float:
    spread = statistics.stdev(blocks)
    return two_sided(confidence, len(blocks) - 1) * spread / math.sqrt(len(blocks)) if spread else 0.0
