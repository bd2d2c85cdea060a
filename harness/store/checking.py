"""Checks that everything in a store can be read: each value, each row's run, and the contents that rows share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table, func, select

from harness.store import points, tables
from harness.store.attempts import attempts
from harness.store.events import events
from harness.store.reading import summary_of
from harness.store.store import Store
from harness.values.attempt import Attempt
from harness.values.case import Case
from harness.values.event import Event
from harness.values.machine import Sniffed
from harness.values.measurement import Conditions, Measurement
from harness.values.pairing import Slot
from harness.values.point import CaseCode, PointContext
from harness.values.profile import Profile
from harness.values.run import Run
from harness.values.sweep import Configuration, Finals

KINDS: dict[Table, Any] = {
    tables.headers: Run, tables.measurements: Measurement, tables.conditions: Conditions, tables.profiles: Profile,
    tables.streams: list[int], tables.slots: Slot, tables.series: Case, tables.sniffs: Sniffed,
    tables.configurations: None, attempts: Attempt, events: Event,
}  # fmt: skip
"""Tables with bodies; rows of configurations name their kind themselves."""
COLUMNS: dict[Table, Callable[[Any], object]] = {
    tables.runs: lambda row: summary_of(row, 0), tables.points: points.columns,
}  # fmt: skip
"""Tables whose values are columns, which SQLite fills with anything, and the readers of a row."""
SHARED: tuple[tuple[Column[Any], Any], ...] = (
    (tables.sources.c.content, str),
    (tables.points.c.code, CaseCode),
    (tables.points.c.context, PointContext),
)
"""Columns that reference contents."""


def check(store: Store) -> tuple[int, list[str]]:
    """The number of rows read, and a line for each invalid one."""
    return store.read((0, []), _check)


def _check(connection: Connection) -> tuple[int, list[str]]:
    found: list[str] = []
    rows = 0
    for table, kind in KINDS.items():
        key = table.primary_key.columns[0]
        for row in connection.execute(select(table).order_by(key)).mappings():
            rows += 1
            decoded = partial(tables.decode, row["body"], kind or _kind(row["kind"]))
            found += _unreadable(f"{table.name} row {row[key.name]}", decoded)
    for table, read in COLUMNS.items():
        key = table.primary_key.columns[0]
        for listed in connection.execute(select(table).order_by(key)):
            rows += table not in KINDS
            found += _unreadable(f"{table.name} row {listed[0]}", partial(read, listed))
    c = tables.contents.c
    for number, key, body in connection.execute(select(c.id, c.hash, c.body).order_by(c.id)):
        rows += 1
        if not isinstance(body, bytes) or hashlib.sha256(body).hexdigest() != key:
            found.append(f"contents row {number}: its bytes do not match its hash")
    for column, kind in SHARED:
        wanted = select(column).distinct()
        for number, body in connection.execute(select(c.id, c.body).where(c.id.in_(wanted)).order_by(c.id)):
            found += _unreadable(f"contents row {number}", partial(tables.decode, body, kind))
    return rows, [*found, *_apart(connection)]


def _apart(connection: Connection) -> Iterator[str]:
    """Rows that belong to no run, and runs that lack a required row."""
    r = tables.runs.c
    for table in tables.ROWS:
        orphans = select(func.count()).select_from(table).where(table.c.run.not_in(select(r.id)))
        if number := connection.execute(orphans).scalar_one():
            yield f"{table.name}: {number} rows of runs that are not here"
    for column, _ in SHARED:
        lost = select(func.count()).select_from(column.table).where(column.not_in(select(tables.contents.c.id)))
        if number := connection.execute(lost).scalar_one():
            yield f"{column.table.name}: {number} rows whose {column.name} is not here"
    without = select(r.id).where(r.id.not_in(select(tables.headers.c.run)), r.state != tables.PRUNED)
    for number in connection.execute(without).scalars():
        yield f"run {number}: it has no header"


def _kind(name: str) -> Any:
    return Finals if name == "finals" else Configuration


def _unreadable(where: str, read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield f"{where}: cannot be read: {error}"
