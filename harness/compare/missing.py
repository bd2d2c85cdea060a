"""Finds data that stopped coming, which is an alarm of its own: a chart that ends looks like a healthy case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from harness.values.change import Missing
from harness.values.point import CasePoint, CaseSeries

LEAST_RUNS = 2
"""Runs in a row without a time; a single one already shows as a failure."""
SILENT_DAYS = 7.0
"""Days that another machine has measured a case since a machine's last time, after which that machine is reported."""


def missing(found: Iterable[tuple[CaseSeries, CasePoint]]) -> tuple[Missing, ...]:
    """Return the series that had a time and whose newest runs have none, or whose machine fell silent while others
    measure. found: oldest run first; sides of comparisons do not count."""
    by_series: dict[tuple[str, ...], list[CasePoint]] = {}
    newest: dict[tuple[str, str], str] = {}
    for own, point in found:
        if not point.tree:
            by_series.setdefault((own.suite, own.case.id, own.place, own.identity), []).append(point)
            if point.time is not None:
                case = own.suite, own.case.id
                newest[case] = max(newest.get(case, ""), point.started)
    made = []
    for (suite, case_id, machine, _), points in by_series.items():
        last = next((place for place in reversed(range(len(points))) if points[place].time is not None), None)
        if last is None:
            continue
        timed, after = points[last], points[last + 1 :]
        if len(after) >= LEAST_RUNS:
            end = after[-1]
            made.append(Missing(case_id, suite, machine, timed.run, timed.commit, len(after), end.status, end.reason))
        elif _days(timed.started, newest[suite, case_id]) > SILENT_DAYS:
            made.append(Missing(case_id, suite, machine, timed.run, timed.commit))
    return tuple(made)


def _days(before: str, after: str) -> float:
    """Days between two times; 0 where one of them is no time."""
    try:
        return (datetime.fromisoformat(after) - datetime.fromisoformat(before)).total_seconds() / 86_400
    except (ValueError, TypeError):
        return 0.0
