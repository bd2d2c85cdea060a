"""The times of a sweep's configurations over their tunables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.values.case import Tunables
from harness.values.sweep import Configuration


def median_us(row: Configuration) -> float:
    """The median time of a configuration. Infinite without samples."""
    values = [sample.value_us for sample in row.measurement.samples]
    return statistics.median(values) if values else math.inf


def times_us(rows: Sequence[Configuration]) -> list[tuple[Tunables, float]]:
    """Every configuration of a question with a time. A duplicate has the time of the one that it equals."""
    timed = {row.case.id: median_us(row) for row in rows}
    found = ((row.tunables, timed.get(row.same_as or row.case.id, math.inf)) for row in rows)
    return [(tunables, time) for tunables, time in found if math.isfinite(time)]


def importance(rows: Sequence[Configuration]) -> list[tuple[str, float]]:
    """The importance of each tunable, most important first: the share of the variance of log time that its value alone
    explains (a main effect). The remainder to 100 % is in their interplay. Empty if all times are equal."""
    found = times_us(rows)
    logs = [math.log(time) for _, time in found]
    if len(logs) < 2 or (total := statistics.pvariance(logs)) == 0:
        return []
    centre = statistics.fmean(logs)
    shares = []
    for name in found[0][0]:
        groups: dict[object, list[float]] = {}
        for (tunables, _), log in zip(found, logs, strict=True):
            groups.setdefault(tunables[name], []).append(log)
        between = sum(len(group) * (statistics.fmean(group) - centre) ** 2 for group in groups.values()) / len(logs)
        shares.append((name, between / total))
    return sorted(shares, key=lambda share: -share[1])
