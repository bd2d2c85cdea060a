"""Whether all that a store holds can be read: each value, and each row's run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, func, select

from harness.store import tables
from harness.store.attempts import attempts
from harness.store.copying import ROWS
from harness.store.store import Store
from harness.values.attempt import Attempt
from harness.values.machine import Sniffed
from harness.values.measurement import Conditions, Measurement
from harness.values.pairing import Slot
from harness.values.profile import Profile
from harness.values.run import Run
from harness.values.sweep import Configuration, Finals

KINDS: dict[Table, Any] = {
    tables.measurements: Measurement, tables.conditions: Conditions, tables.profiles: Profile, tables.sources: str,
    tables.streams: list[int], tables.slots: Slot, tables.sniffs: Sniffed, attempts: Attempt,
}  # fmt: skip


def check(store: Store) -> tuple[int, list[str]]:
    """The number of rows that were read, and a line for each that cannot be true."""
    return store.read((0, []), _check)


def _check(connection: Connection) -> tuple[int, list[str]]:
    found: list[str] = []
    rows = 0
    for identity, header in connection.execute(select(tables.runs.c.id, tables.runs.c.header)):
        rows += 1
        found += _unreadable(f"run {identity}", header, Run)
    for table in (*ROWS, attempts):
        key = table.c.id if table is attempts else table.c.row
        for row in connection.execute(select(table).order_by(key)).mappings():
            rows += 1
            kind = _kind(row["kind"]) if table is tables.configurations else KINDS[table]
            found += _unreadable(f"{table.name} row {row[key.name]}", row["body"], kind)
    for table in ROWS:
        orphans = select(func.count()).select_from(table).where(table.c.run.not_in(select(tables.runs.c.id)))
        if number := connection.execute(orphans).scalar_one():
            found.append(f"{table.name}: {number} rows of runs that are not here")
    return rows, found


def _kind(name: str) -> Any:
    return Finals if name == "finals" else Configuration


def _unreadable(where: str, body: bytes, kind: Any) -> Iterator[str]:
    try:
        msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield f"{where}: cannot be read: {error}"
