"""A case's samples to one value with its interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from harness.stats.students_t import two_sided
from harness.values.case import Case
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement, Sample, Statistics
from harness.values.run import Run

PROCESS_NOISE = 0.004
"""Relative standard deviation of medians between fresh processes, until a machine is calibrated: medians of 15
processes of two kernels had 0.35 and 0.37 % on one H100."""

PROGRAM_NOISE = 0.05
"""The same for programs outside, which the core and clock that they meet change more: 15 ms of awk varied by 2 % on two
idle cores, 0.1 s by 10 to 20 % on sixteen."""

NOTCH = 1.57
"""Half of the 95 % interval of a median, in IQR / sqrt(n). Its standard error is 1.25 IQR / (1.35 sqrt(n)) if the
middle of the samples is normal. The notches of two box plots that do not meet differ at about 5 % (McGill, Tukey and
Larsen, The American Statistician 32:12, 1978)."""


def process_medians(samples: Sequence[Sample]) -> list[float]:
    """The median of each process, in the order of the processes' numbers."""
    by_process: dict[int, list[float]] = {}
    for sample in samples:
        by_process.setdefault(sample.process, []).append(sample.value_us)
    return [statistics.median(by_process[process]) for process in sorted(by_process)]


def estimate(
    samples: Sequence[Sample],
    *,
    confidence: float = 0.95,
    process_noise: float = PROCESS_NOISE,
    noise_known: str = "assumed",
) -> Estimate | None:
    """The samples' value and interval. None without samples.

    For several processes, the geometric mean of their medians with a t interval of the logs, level `process`. For one
    process, the median with its order-statistic interval, level `round`. That interval is widened in quadrature by the
    noise between processes that one process cannot show. Its confidence is the one that so few samples reach.
    """
    if not samples:
        return None
    medians = process_medians(samples)
    if len(medians) > 1:
        logs = [math.log(median) for median in medians]
        centre = statistics.fmean(logs)
        half = two_sided(confidence, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
        low, value, high = (math.exp(centre + shift) for shift in (-half, 0.0, half))
        return Estimate(value, low, high, confidence, len(medians), "process", "measured")
    median, low, high, reached = median_interval([sample.value_us for sample in samples], confidence)
    between = normal_quantile(confidence) * process_noise * median
    return Estimate(
        median, median - math.hypot(median - low, between), median + math.hypot(high - median, between),
        min(confidence, reached), len(samples), "round", noise_known,
    )  # fmt: skip


def assumed_noise(case: Case) -> float:
    """The noise between processes of such a case, until it is calibrated."""
    return PROGRAM_NOISE if case.kind == "figure" else PROCESS_NOISE


def estimate_of(run: Run, measurement: Measurement) -> Estimate | None:
    """The estimate of a case of a run, with the noise between processes that was calibrated by then. For a file without
    samples, from the statistics that it kept."""
    if measurement.statistics is not None:
        return estimate_from_statistics(measurement.statistics)
    known = run.process_noise.get(measurement.case.id)
    if known is None:
        return estimate(measurement.samples, process_noise=assumed_noise(measurement.case))
    return estimate(measurement.samples, process_noise=known, noise_known="calibrated")


def estimate_from_statistics(kept: Statistics, process_noise: float = PROCESS_NOISE) -> Estimate:
    """The median and its interval by the quartiles, widened like that of samples of one process. level is
    `statistics`."""
    median = kept.median_us
    own = NOTCH * (kept.q3_us - kept.q1_us) / math.sqrt(kept.rounds)
    half = math.hypot(own, normal_quantile(0.95) * process_noise * median)
    return Estimate(median, median - half, median + half, 0.95, kept.rounds, "statistics", "assumed")


class MedianInterval(NamedTuple):
    """A median with its interval.

    confidence: The exact confidence that low..high covers the true median. It is above the requested one or, with few
        values, below it.
    """

    median: float
    low: float
    high: float
    confidence: float


def median_interval(values: Sequence[float], confidence: float) -> MedianInterval:
    """Median, and the narrowest symmetric pair of order statistics that covers the true median with the confidence.

    The number of values below the true median is binomial(n, 1/2), whatever the distribution. If n is too small for the
    confidence (below 6 for 95 %), the pair is the smallest and the largest value, with the confidence that these have.
    """
    ordered = sorted(values)
    n = len(ordered)
    rank = 0  # the interval is ordered[rank], ordered[n - 1 - rank]
    combinations = outside = 1  # of 2**n, in integers: 0.5**n is zero beyond n = 1074
    while rank + 1 < n / 2:
        combinations = combinations * (n - rank) // (rank + 1)
        if 2 * (outside + combinations) / 2**n > 1 - confidence:
            break
        rank, outside = rank + 1, outside + combinations
    return MedianInterval(statistics.median(ordered), ordered[rank], ordered[n - 1 - rank], 1 - 2 * outside / 2**n)


def normal_quantile(confidence: float) -> float:
    """Two-sided quantile of the standard normal."""
    return statistics.NormalDist().inv_cdf((1 + confidence) / 2)
