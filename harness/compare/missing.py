"""Data that stopped coming is an alarm of its own: a chart that ends looks like a case that is well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from harness.values.change import Missing
from harness.values.point import CasePoint, CaseSeries

LEAST_RUNS = 2
"""Runs in a row without a time; one that fails is seen as a failure."""
SILENT_DAYS = 7.0
"""A machine that measured a case is looked for when another one has measured it for so long since."""


def missing(found: Iterable[tuple[CaseSeries, CasePoint]]) -> tuple[Missing, ...]:
    """Series that had a time and whose newest runs have none, or whose machine has fallen silent beside others. found:
    oldest run first; sides of comparisons do not count."""
    by_series: dict[tuple[str, ...], list[CasePoint]] = {}
    newest: dict[tuple[str, str], str] = {}
    for own, point in found:
        if not point.tree:
            by_series.setdefault((own.suite, own.case.id, own.machine, own.identity), []).append(point)
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
    """0 where one of them is no time."""
    try:
        return (datetime.fromisoformat(after) - datetime.fromisoformat(before)).total_seconds() / 86_400
    except (ValueError, TypeError):
        return 0.0
