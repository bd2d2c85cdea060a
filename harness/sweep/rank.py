"""The fastest configurations, those that go on, and the twins: pure functions over measurements."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from harness.stats import median_interval
from harness.stats.landscape import median_us
from harness.values.measurement import Status
from harness.values.sweep import Configuration, Entrant, SweptVariant, Twin, places

TOP = 5
"""Distinct configurations that are timed again after the choice and go into the tuned file."""
FINALISTS = 10
LEAST_KEPT = 16
"""Least number of configurations that the halving keeps, even if a quarter is less."""
TWINS = 8
TRUSTED_RMS = 0.008
"""Limit of the RMS of the twins' log ratios. In simulation, 0.9 % of sound sweeps are above it, and 99 % of those with
an order effect of 1 %. A maximum over eight is a worse rule."""


def fastest_first(rows: Sequence[Configuration]) -> list[Configuration]:
    """Sort by median, with those of the final rounds first, since only they were compared side by side."""
    return sorted(rows, key=lambda row: (row.stage != "final" or not row.measurement.samples, *_order(row)))


def _order(row: Configuration) -> tuple[float, str]:
    return median_us(row), row.case.id


def distinct(rows: Sequence[Configuration]) -> list[Configuration]:
    """The rows with a time of their own, fastest first."""
    return [row for row in fastest_first(rows) if row.same_as is None and row.measurement.samples]


def kept(rows: Sequence[Configuration]) -> list[Configuration]:
    """The rows that the halving keeps: a quarter, by their first times."""
    ranked = sorted((row for row in rows if row.same_as is None and row.measurement.samples), key=_order)
    return ranked[: max(LEAST_KEPT, math.ceil(len(ranked) / 4))]


def twins_for(finalists: Sequence[Configuration], rows: Sequence[Configuration]) -> list[tuple[str, Entrant]]:
    """Eight pairs of the same work: (id of the finalist, its twin). The twin is a duplicate of the finalist, if it has
    one; else the finalist itself, made ready once more."""
    duplicates: dict[str, list[Configuration]] = {}
    for row in rows:
        if row.same_as is not None:
            duplicates.setdefault(row.same_as, []).append(row)
    found: list[tuple[str, Entrant]] = []
    for number, row in enumerate(islice(cycle(finalists), TWINS if finalists else 0)):
        same = duplicates.get(row.case.id, [])
        lap = number // len(finalists)
        found.append((row.case.id, Entrant(same[lap % len(same)].case if same else row.case, copy=number + 1)))
    return found


def log_ratios(samples_us: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, Entrant]]) -> list[Twin]:
    """ln(twin / finalist) of each pair with both times."""
    return [
        Twin(twin.case.id, math.log(statistics.median(samples_us[twin.name]) / statistics.median(samples_us[of])))
        for of, twin in pairs
        if samples_us.get(of) and samples_us.get(twin.name)
    ]


def rms(twins: Sequence[Twin]) -> float | None:
    return math.sqrt(statistics.fmean(twin.log_ratio**2 for twin in twins)) if twins else None


def separated(samples_us: Mapping[str, Sequence[float]]) -> bool:
    """Whether the interval of the fastest lies below that of every other one."""
    intervals = [median_interval(list(values), 0.99) for values in samples_us.values() if values]
    intervals.sort(key=lambda interval: interval.median)
    return bool(intervals) and all(intervals[0].high < other.low for other in intervals[1:])


def warnings(found: tuple[SweptVariant, ...]) -> list[str]:
    """Warnings for the reader of a sweep's numbers, a line each."""
    lines = []
    for place, question in zip(places(found), found, strict=True):
        wrong = [c for c in question.configurations if c.measurement.status in (Status.INCORRECT, Status.INVALID)]
        for row in wrong:
            values = ", ".join(f"{name}={value}" for name, value in row.tunables.items())
            lines.append(f"{place}: {values} computes wrong results: {row.measurement.reason}")
        if question.trusted is False:
            lines.append(
                f"{place}: cannot be trusted: the same work differed by {100 * (question.rms or 0):.1f} % (RMS of "
                f"{len(question.finals.twins) if question.finals else 0} pairs; {100 * TRUSTED_RMS:.1f} % allowed)"
            )
        if question.finals is None:
            lines.append(f"{place}: nothing could be timed")
        elif question.finals.winner is None and not question.search.startswith("recheck"):
            lines.append(f"{place}: no configuration was shown to be faster than the baseline")
    return lines
