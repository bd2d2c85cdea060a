"""Change points of one case over commits: a scan over the values in order of arrival.

The value of a commit is the mean over its fresh processes of ln(median). Its spread has two parts: noise s, which more
commits average out, and wander w (days, drifts), which they do not. Both are estimated robustly from values before the
present ones, so that a step cannot hide itself in its own noise. A step is suspected if the clipped means before and
after differ by more than `Rule.threshold` standard errors, and the medians by more than `Rule.margin`. A suspicion is
no verdict: pairs of fresh processes of both commits confirm it, or refute it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

TENTH_TO_NINETIETH = 2.563
"""Width of the standard normal between its 10th and 90th percentile: a scale that 2 % of outliers do not move."""


@dataclass(frozen=True)
class Rule:
    """Constants of the scan, as simulated over eight kinds of noise (METHODOLOGY).

    before, after: Most values on each side.
    first: Values that a series needs before its first step.
    again: Values that it needs after a known step.
    least_after: Values that a step needs to be seen.
    reach: Values are clipped at this times the threshold: one odd run proves nothing, two prove enough.
    floor: Least noise, as a log ratio.
    window, lag: For the noise's estimates.
    """

    threshold: float = 6.0
    margin: float = 0.0075
    before: int = 40
    after: int = 20
    first: int = 12
    again: int = 5
    least_after: int = 2
    reach: float = 1.5
    floor: float = 0.001
    window: int = 120
    lag: int = 10


UNCONFIRMED = Rule(margin=0.01, least_after=3)
"""For use without a machine that can confirm a suspicion: later, and surer."""


@dataclass(frozen=True)
class Step:
    """One suspected step.

    index: Index of the first value of the new level.
    seen_at: Index of the value with which it was suspected.
    shift: The difference of the medians, a log ratio.
    low, high: 95 % interval of the shift by noise and wander.
    z: Standard errors.
    """

    index: int
    seen_at: int
    shift: float
    low: float
    high: float
    z: float


def scan(values: Sequence[float], rule: Rule = Rule(), noise_sd: float = 0.0) -> list[Step]:
    """The steps in a series of log values, in their order.

    noise_sd: Standard deviation between values if it is calibrated. The estimate is not taken to be smaller.
    """
    import numpy as np

    x = np.asarray(values, dtype=float)
    level = x.copy()  # without the steps found so far: noise is estimated from it
    found: list[Step] = []
    start = 0
    for seen in range(rule.first + rule.least_after, len(x) + 1):
        least = rule.again if start else rule.first
        low = max(start, seen - rule.after - rule.before)
        window = x[low:seen]
        m = len(window)
        if m < least + rule.least_after:
            continue
        end = max(seen - rule.after, min(seen - rule.least_after, 30))
        noise, wander = _variances(level[max(0, end - rule.window) : end], rule, noise_sd)
        bound = rule.reach * rule.threshold * math.sqrt(noise * (1 / rule.least_after + 1 / rule.before) + 2 * wander)
        middle = float(np.median(window[: max(least, m - rule.after)]))
        sums = np.concatenate(([0.0], np.cumsum(np.clip(window, middle - bound, middle + bound))))
        a = np.arange(rule.least_after, min(rule.after, m - least) + 1)
        first = np.maximum(0, m - a - rule.before)
        b = m - a - first
        change = (sums[m] - sums[m - a]) / a - (sums[m - a] - sums[first]) / b
        z = np.abs(change) / np.sqrt(noise * (1 / b + 1 / a) + 2 * wander)
        best = int(np.argmax(z))
        if z[best] <= rule.threshold:
            continue
        after, before = window[m - a[best] :], window[first[best] : m - a[best]]
        shift = float(np.median(after) - np.median(before))
        if abs(shift) <= rule.margin:
            continue
        tail = np.arange(1, m - least + 1)  # where: the split that explains most; the newest value alone is allowed
        ahead = m - tail
        gain = ((sums[m] - sums[m - tail]) / tail - sums[m - tail] / ahead) ** 2 * ahead * tail / m
        start = low + m - int(tail[np.argmax(gain)])
        level[start:] -= shift
        half = 1.96 * math.sqrt(noise * (1 / b[best] + 1 / a[best]) + 2 * wander)
        found.append(Step(start, seen - 1, shift, shift - half, shift + half, float(z[best])))
    return found


def _variances(x: NDArray[float64], rule: Rule, noise_sd: float) -> tuple[float, float]:
    """The variance of noise, from differences of neighbours, and that of wander: the excess of differences over
    `lag`."""
    import numpy as np

    near = spread(np.diff(x)) ** 2 / 2
    lag = min(rule.lag, len(x) // 3)
    far = spread(x[lag:] - x[:-lag]) ** 2 / 2
    return max(rule.floor**2, noise_sd**2, near), max(0.0, far - near)


def spread(differences: Sequence[float] | NDArray[float64]) -> float:
    """A standard deviation that a few per cent of outliers do not move."""
    import numpy as np

    low, high = np.quantile(differences, (0.1, 0.9))
    return float(high - low) / TENTH_TO_NINETIETH
