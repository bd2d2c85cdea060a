"""Two cases' samples to the ratio of their times."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.stats import difference
from harness.stats.estimate import PROCESS_NOISE, estimate, process_medians
from harness.values.estimate import Ratio
from harness.values.measurement import Sample


def ratio(
    base: Sequence[Sample],
    head: Sequence[Sample],
    *,
    confidence: float = 0.95,
    process_noise: float = PROCESS_NOISE,
    paired: bool = True,
) -> Ratio | None:
    """head / base with its interval. None if a side has no samples.

    paired: False for samples of two runs, whose processes share numbers and nothing else.

    Processes that measured both sides are pairs: the interval is that of their log ratios, in which the common part of
    a process cancels. Sides from different processes, two or more each, get Welch's interval of the logs. A single
    process a side combines both order-statistic intervals and the noise between processes in quadrature, level `round`.
    """
    if not base or not head:
        return None
    same = sorted({s.process for s in base} & {s.process for s in head})
    first, second = ([math.log(m) for m in process_medians(side)] for side in (base, head))
    if paired and len(same) == len(first) == len(second) > 1:
        differences = [b - a for a, b in zip(first, second, strict=True)]
        return ratio_of(difference.paired(differences), confidence, "pair")
    if min(len(first), len(second)) > 1:
        return ratio_of(difference.welch(first, second), confidence, "process")
    sides = [estimate(side, confidence=confidence, process_noise=process_noise) for side in (base, head)]
    assert sides[0] is not None and sides[1] is not None
    centre = math.log(sides[1].value / sides[0].value)
    half = math.hypot(*(e.half_width / e.value for e in sides if e is not None))
    n = min(e.n for e in sides if e is not None and e.level == "round")  # of a side's only process
    reached = min(e.confidence for e in sides if e is not None)
    return Ratio(math.exp(centre), math.exp(centre - half), math.exp(centre + half), reached, n, "round")


def ratio_of(found: difference.Difference, confidence: float, level: str) -> Ratio:
    """A difference of logs as a ratio with its interval."""
    low, value, high = (math.exp(found.centre + k * found.half_width(confidence)) for k in (-1, 0, 1))
    return Ratio(value, low, high, confidence, found.n, level)
