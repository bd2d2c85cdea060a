"""Runs that wait to be pushed into a team's store: added at the end of a command that shares, removed once they have
arrived."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from harness.store import contents, tables
from harness.store.store import Store
from harness.store.writer import this_writer


def add_own(store: Store) -> None:
    """Add the finished runs of this process."""
    store.read(None, _add_own)


def _add_own(connection: Connection) -> None:
    r = tables.runs.c
    chosen = select(r.id).where(r.writer == this_writer(), r.state != "running").order_by(r.id)
    rows = [{"run": run} for run in connection.execute(chosen).scalars()]
    contents.insert_new(connection, tables.outbox, rows)


def waiting(store: Store) -> list[str]:
    """The uuids of waiting runs, oldest first."""
    return store.read([], _waiting)


def _waiting(connection: Connection) -> list[str]:
    chosen = select(tables.runs.c.uuid).join(tables.outbox).order_by(tables.runs.c.id)
    return list(connection.execute(chosen).scalars())


def sent(store: Store, uuids: Collection[str]) -> None:
    """Remove runs that have arrived."""
    if uuids and waiting(store):
        chosen = select(tables.runs.c.id).where(tables.runs.c.uuid.in_(sorted(uuids)))
        with store.transaction() as connection:
            connection.execute(delete(tables.outbox).where(tables.outbox.c.run.in_(chosen)))
