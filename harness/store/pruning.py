"""The bulk data of old runs beside their points: listed, and removed on request. Data that somebody may still need
stays.

A pruned run keeps its row in the list and its points, so that a history loses nothing; samples, conditions, profiles,
texts and the record of files that its cases read are removed. Kept whole are tagged runs and both sides of every
comparison and calibration (the evidence of verdicts). So are runs with configurations that a sweep knows, runs that
wait to be pushed, and the newest complete run of each suite on each machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from harness.store import tables
from harness.store.points import utc
from harness.store.store import Store
from harness.store.tables import PRUNED
from harness.store.writer import COMPILERS

AT_ONCE = 500
"""Runs in one transaction."""
GOES = tuple(table for table in tables.ROWS if table not in (tables.points, tables.sniffs))


class Prunable(msgspec.Struct, frozen=True):
    """Runs whose data can be removed."""

    runs: tuple[int, ...]
    """By number, oldest first."""
    size: int
    """Bytes that they hold."""
    kept: dict[str, int]
    """Equally old runs that stay, counted by reason."""


def prunable(store: Store, days: float) -> Prunable:
    """The runs that started more than this many days ago."""
    try:
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    except OverflowError:
        return Prunable((), 0, {})
    return store.read(Prunable((), 0, {}), _prunable, before)


def _prunable(connection: Connection, before: str) -> Prunable:
    r, c = tables.runs.c, tables.configurations.c
    chosen = select(r.id, r.tags, r.purpose, r.state, r.started).where(r.state != PRUNED).order_by(r.id)
    old = [row for row in connection.execute(chosen) if row.started and utc(row.started) < before]
    swept = set(connection.execute(select(c.run).distinct()).scalars())
    waiting = set(connection.execute(select(tables.outbox.c.run)).scalars())
    newest = _newest(connection)
    reasons = {
        "still running": lambda row: row.state == "running",
        "tagged": lambda row: bool(row.tags),
        "kept by compilers": lambda row: row.purpose == COMPILERS,
        "sides of comparisons and calibrations": lambda row: bool(row.purpose),
        "known to sweeps": lambda row: row.id in swept,
        "waiting to be pushed": lambda row: row.id in waiting,
        "newest of a suite on a machine": lambda row: row.id in newest,
    }
    kept: dict[str, int] = {}
    runs = []
    for row in old:
        reason = next((words for words, holds in reasons.items() if holds(row)), None)
        if reason is None:
            runs.append(int(row.id))
        else:
            kept[reason] = kept.get(reason, 0) + 1
    return Prunable(tuple(runs), _size(connection, runs), kept)


def _newest(connection: Connection) -> set[int]:
    """The complete run of each suite that was stored last, which `last` names, and on each machine the one that started
    last. Two cards of one model are two machines. An old run that is imported today is an old one."""
    r, looked = tables.runs.c, tables.sniffs.c
    chosen = (
        select(r.id, r.started, r.suite, r.device, looked.machine)
        .join_from(tables.runs, tables.sniffs, isouter=True)
        .where(r.state == "complete", r.purpose == "")
        .order_by(r.id)
    )
    stored: dict[tuple[str, str], int] = {}
    started: dict[tuple[str, str, str], tuple[str, int]] = {}
    for row in connection.execute(chosen):
        stored[row.suite, row.device] = int(row.id)
        key = row.suite, row.device, row.machine or ""
        started[key] = max(started.get(key, ("", 0)), (utc(row.started), int(row.id)))
    return {*stored.values(), *(number for _, number in started.values())}


def prune(store: Store, runs: Sequence[int], said: Callable[[int], None] = lambda _: None) -> None:
    """Remove the data of these runs, some hundred at a time: where it is stopped, some runs are pruned, and each of
    those wholly."""
    for start in range(0, len(runs), AT_ONCE):
        some = runs[start : start + AT_ONCE]
        with store.transaction() as connection:
            for table in GOES:
                connection.execute(delete(table).where(table.c.run.in_(some)))
            connection.execute(update(tables.runs).where(tables.runs.c.id.in_(some)).values(state=PRUNED))
        said(start + len(some))
    with store.transaction() as connection:
        used = [select(column) for column in (tables.sources.c.content, tables.points.c.code, tables.points.c.context)]
        connection.execute(delete(tables.contents).where(*(tables.contents.c.id.not_in(one) for one in used)))
    if store.file is not None:
        store.compact()


def _size(connection: Connection, runs: Sequence[int]) -> int:
    total = 0
    for table in GOES:
        if "body" not in table.c:
            continue
        for start in range(0, len(runs), AT_ONCE):
            some = table.c.run.in_(runs[start : start + AT_ONCE])
            total += connection.execute(select(func.sum(func.length(table.c.body))).where(some)).scalar() or 0
    return int(total)
