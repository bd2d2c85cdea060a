"""Events of a history, from people and commands, in the store: rows are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, Text, select

from harness.store import contents, tables
from harness.store.store import Store
from harness.values.event import Event

T = TypeVar("T", bound=Event)

events = Table(
    "events", tables.metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("suite", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip


def add(store: Store, found: Sequence[Event]) -> int:
    """Store the events whose uuid is new; return their number."""
    with store.transaction() as connection:
        there = set(connection.execute(select(events.c.uuid)).scalars())
        new = {event.uuid: event for event in found if event.uuid not in there}
        rows = [{"uuid": key, "suite": new[key].suite, "body": tables.encode(new[key])} for key in new]
        contents.insert_new(connection, events, rows)  # another push may add the same ones at this moment
        return len(rows)


def of_suite(store: Store, suite: str | None = None) -> list[Event]:
    """The events of a suite in the order of their arrival; of every suite where None."""

    def found(connection: Connection) -> list[Event]:
        wanted = select(events.c.body).order_by(events.c.id)
        if suite is not None:
            wanted = wanted.where(events.c.suite.in_((suite, "")))
        return [tables.decode(body, Event) for body in connection.execute(wanted).scalars()]  # type: ignore[arg-type]

    return store.read([], found)
