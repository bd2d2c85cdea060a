"""Student's t. Whole degrees of freedom, as processes and pairs have, are computed here: the import of scipy.special
takes longer than all other work of a report or a known sweep. Everything else is scipy's."""

from __future__ import annotations

import math
from functools import lru_cache

MOST_DEGREES = 300
LEAST_TAIL = 1e-6
"""Beyond these limits the sums below lose digits, or take long. The sums are known to the spacing of doubles below 1,
so the relative error of a quantile grows as 1e-15 over the tail (1e-9 at the smallest tail)."""
CLOSE = 1e-13


@lru_cache(maxsize=4096)
def quantile(probability: float, degrees: float) -> float:
    """The value that a t variable with these degrees of freedom lies below with the probability."""
    if degrees == int(degrees) <= MOST_DEGREES and LEAST_TAIL <= probability <= 1 - LEAST_TAIL:
        return _quantile(probability, int(degrees))
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


def two_sided(confidence: float, degrees: float) -> float:
    """Half the width of the interval around zero that a t variable lies in with this confidence."""
    return quantile((1 + confidence) / 2, degrees)


def probability_above(value: float, degrees: float) -> float:
    """The probability of a t variable above the value."""
    from scipy.special import stdtr

    return float(stdtr(degrees, -value))


def _quantile(probability: float, degrees: int) -> float:
    """The quantile by Newton's steps inside a bracket, which is halved when a step leaves it."""
    if probability < 0.5:
        return -_quantile(1 - probability, degrees)
    low, high = 0.0, 1.0
    while _probability_below(high, degrees) < probability:
        low, high = high, 2 * high
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    value = (low + high) / 2
    while high - low > CLOSE * high:
        miss = _probability_below(value, degrees) - probability
        low, high = (low, value) if miss > 0 else (value, high)
        density = scale * (1 + value * value / degrees) ** (-(degrees + 1) / 2)
        step = value - miss / density
        if abs(step - value) <= CLOSE * high:
            return step
        value = step if low < step < high else (low + high) / 2
    return value


def _probability_below(value: float, degrees: int) -> float:
    """Abramowitz and Stegun, 26.7.3 and 26.7.4: finite sums in the angle whose tangent is value / sqrt(degrees)."""
    angle = math.atan(value / math.sqrt(degrees))
    cosine, term, total = math.cos(angle), 1.0, 0.0
    if degrees % 2:
        term = cosine
        for k in range(1, degrees - 1, 2):
            total += term
            term *= cosine * cosine * (k + 1) / (k + 2)
        within = 2 / math.pi * (angle + math.sin(angle) * total)
    else:
        for k in range(0, degrees - 1, 2):
            total += term
            term *= cosine * cosine * (k + 1) / (k + 2)
        within = math.sin(angle) * total
    return (1 + within) / 2
