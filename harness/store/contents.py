"""Values that many rows of a store share, kept once under the hash of their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from harness.store import tables

AT_ONCE = 500
"""Keys in one statement; SQLite takes at least 999 variables."""


def keep(connection: Connection, bodies: Iterable[bytes]) -> dict[bytes, int]:
    """The id of each body; missing bodies are added. Safe while other writers add the same ones."""
    hashes = {hashlib.sha256(body).hexdigest(): body for body in bodies}
    rows = [{"hash": key, "body": hashes[key]} for key in sorted(hashes)]
    known = _ids(connection, hashes)
    insert_new(connection, tables.contents, [row for row in rows if row["hash"] not in known])
    known = known if len(known) == len(hashes) else _ids(connection, hashes)
    return {body: known[key] for key, body in hashes.items()}


def read(connection: Connection, ids: Iterable[int]) -> dict[int, bytes]:
    """Bodies by id. Raises msgspec.DecodeError if one is not here."""
    c, wanted = tables.contents.c, sorted(set(ids))
    found: dict[int, bytes] = {}
    for start in range(0, len(wanted), AT_ONCE):
        chosen = select(c.id, c.body).where(c.id.in_(wanted[start : start + AT_ONCE]))
        found |= {int(key): tables.as_bytes(body) for key, body in connection.execute(chosen)}
    if lost := [number for number in wanted if number not in found]:
        raise msgspec.DecodeError(f"content {lost[0]} is not here")
    return found


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose unique key is missing. They come sorted by that key: two writers that add some of the same
    rows then wait for each other in one direction."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def _ids(connection: Connection, hashes: Mapping[str, bytes]) -> dict[str, int]:
    c, wanted = tables.contents.c, sorted(hashes)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), AT_ONCE):
        chosen = select(c.hash, c.id).where(c.hash.in_(wanted[start : start + AT_ONCE]))
        found |= {str(key): int(number) for key, number in connection.execute(chosen)}
    return found
