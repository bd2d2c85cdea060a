"""A ratio from the statistics that a file kept of its samples: a median, its quartiles, and their number."""

from __future__ import annotations

import math

from harness.stats.estimate import estimate_from_statistics, median_interval
from harness.values.estimate import Ratio
from harness.values.measurement import Measurement, Statistics


def statistics_of(measurement: Measurement) -> Statistics:
    """The kept statistics, or the same from all samples taken together."""
    if measurement.statistics is not None:
        return measurement.statistics
    values = sorted(sample.value_us for sample in measurement.samples)
    halves = values[: (len(values) + 1) // 2], values, values[len(values) // 2 :]
    low, middle, high = (median_interval(part, 0.5).median for part in halves)
    return Statistics(middle, low, high, len(values))


def ratio_of_statistics(base: Statistics, head: Statistics) -> Ratio:
    """head / base, with both intervals in quadrature. level is `statistics`. n counts rounds of the side that has
    fewer."""
    sides = [estimate_from_statistics(side) for side in (base, head)]
    value = head.median_us / base.median_us
    half = math.hypot(*(side.half_width / side.value for side in sides))
    rounds = min(base.rounds, head.rounds)
    return Ratio(value, value * math.exp(-half), value * math.exp(half), 0.95, rounds, "statistics")
