"""The configurations of sweeps: each is stored as a row as soon as it is known, and found by its key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, insert, select

from harness.store import tables
from harness.store.reading import Header
from harness.values.environment import Environment
from harness.values.sweep import Configuration, Finals

T = TypeVar("T", Configuration, Finals)

KEYS_AT_ONCE = 500
"""Keys in one statement; SQLite takes at least 999 variables."""


def add(connection: Connection, run_id: int, key: str, value: Configuration | Finals) -> None:
    """Add a row and replace none; lookups return the newest row of a key."""
    row = {"run": run_id, "key": key, "kind": _kind(type(value)), "body": tables.encode(value)}
    connection.execute(insert(tables.configurations).values(row))


def newest(connection: Connection, keys: Iterable[str], kind: type[T]) -> dict[str, T]:
    """The newest row of each key that is stored. A row in the format of an older program counts as missing."""
    wanted, c = list(keys), tables.configurations.c
    found: dict[str, T] = {}
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        some = wanted[start : start + KEYS_AT_ONCE]
        chosen = select(c.key, c.body).where(c.kind == _kind(kind), c.key.in_(some)).order_by(c.row)
        for key, body in connection.execute(chosen):
            try:
                found[key] = tables.decode(body, kind)
            except msgspec.DecodeError:
                continue
    return found


def everything(connection: Connection, op: str) -> list[tuple[Configuration, Environment | None]]:
    """The newest row of each configuration of an op, over all runs and machines, with the environment that measured
    it."""
    c, h = tables.configurations.c, tables.headers.c
    headers = connection.execute(select(h.run, h.body).where(h.run.in_(select(c.run).distinct())))
    where = {run: tables.decode(header, Header).environment for run, header in headers}
    found: dict[str, tuple[Configuration, Environment | None]] = {}
    chosen = select(c.key, c.run, c.body).where(c.kind == _kind(Configuration)).order_by(c.row)
    for key, run, body in connection.execute(chosen):
        try:
            row = tables.decode(body, Configuration)
        except msgspec.DecodeError:
            continue
        if row.case.op == op:
            found[key] = row, where.get(run)
    return list(found.values())


def _kind(kind: type[Configuration] | type[Finals]) -> str:
    return kind.__name__.lower()
