"""Numbers as they are shown: never without interval, n and the level of their error."""

from __future__ import annotations

import math

import msgspec


class Estimate(msgspec.Struct, frozen=True):
    """A value with its interval.

    level: The source of the error. `process`: medians of n fresh processes. `round`: n samples of one process, with the
        between-process noise added. `statistics`: like `round`, by the quartiles of n samples that were not kept.
    noise: The source of the noise: `measured`, `calibrated` or `assumed`.
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int
    level: str
    noise: str = "measured"

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


class Ratio(msgspec.Struct, frozen=True):
    """head time / base time with its interval."""

    value: float
    low: float
    high: float
    confidence: float
    n: int
    level: str

    @property
    def words(self) -> str:
        """`1.08x slower`, with as many decimals as its interval justifies."""
        return self.worded("slower", "faster")

    def worded(self, above: str, below: str) -> str:
        """The factor with a word for its direction: `1.08x more` for a ratio of memory."""
        return f"{self._factor[0]}x {above if self.value > 1 else below}"

    @property
    def interval(self) -> str:
        """`[1.06, 1.10]`: the interval of the factor in `words`, so above 1 in the direction that they name."""
        return "[{}, {}]".format(*self._factor[1:])

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 1."""
        return not self.low <= 1 <= self.high

    @property
    def _factor(self) -> tuple[str, str, str]:
        """Value and ends, all rounded alike, so that the displayed value lies between the displayed ends. The interval
        decides the decimals, from two to three, and fewer for a large factor."""
        ends = (self.value, self.low, self.high) if self.value > 1 else (1 / self.value, 1 / self.high, 1 / self.low)
        least = max(0, 2 - max(0, leading_place(ends[0], 3)))
        decimals = min(3, max(least, decimals_for((ends[2] - ends[1]) / 2))) if ends[1] < ends[2] else 3
        value, low, high = (f"{end:,.{decimals}f}" for end in ends)
        return value, low, high


def decimals_for(half_width: float) -> int:
    """Decimals that an uncertainty justifies: one significant digit, two if the first is 1."""
    if half_width <= 0 or not math.isfinite(half_width):
        return 0
    return max(0, -leading_place(half_width, 2) + (1 if f"{half_width:.1e}".startswith("1") else 0))


def leading_place(value: float, digits: int) -> int:
    """Power of ten of the leading digit after rounding to this many digits: 9.996 counts as 10."""
    return int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
