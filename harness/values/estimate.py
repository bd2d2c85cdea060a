"""Numbers as they are shown: never without interval, n and the level of their error."""

from __future__ import annotations

import msgspec


class Estimate(msgspec.Struct, frozen=True):
    """A value with its interval. level: where the error was seen, `process` (medians of n fresh processes) or `round`
    (n
    samples of one process, with the between-process noise added). noise: how that was known, `measured`, `calibrated`
    or `assumed`."""

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
    """head time / base time with its interval, and the same in words (`1.08x slower`)."""

    value: float
    low: float
    high: float
    confidence: float
    n: int
    level: str

    @property
    def words(self) -> str:
        if self.value > 1:
            return f"{self.value:.3g}x slower" if self.value >= 1.1 else f"{self.value:.3f}x slower"
        inverse = 1 / self.value
        return f"{inverse:.3g}x faster" if inverse >= 1.1 else f"{inverse:.3f}x faster"
