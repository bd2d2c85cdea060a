"""Student's t from scipy.special: the same values as scipy.stats, which takes a second to import."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def quantile(probability: float, degrees: float) -> float:
    """The value that a t variable with these degrees of freedom lies below with the probability."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


def probability_above(value: float, degrees: float) -> float:
    """The chance of a t variable above the value."""
    from scipy.special import stdtr

    return float(stdtr(degrees, -value))
