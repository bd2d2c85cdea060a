"""The tables. Values are kept as the MessagePack of their types; columns beside it are what is looked up.

Not as JSON: the error of an output with NaN in it is infinite, and JSON has no word for that.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

T = TypeVar("T")

STORE_VERSION = 4
"""Raised when a table or a value changes; `migrations` has a step from each version before."""

metadata = MetaData()

version = Table(
    "store", metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)  # fmt: skip
runs = Table(
    "runs", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("started", Text, nullable=False),
    Column("suite", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("writer", Text, nullable=False),
    Column("tags", Text, nullable=False, default=""),
    Column("header", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip


def _rows(name: str, *columns: Column[object]) -> Table:
    table = Table(
        name, metadata,
        Column("row", Integer, primary_key=True, autoincrement=True),
        Column("run", Integer, ForeignKey("runs.id"), nullable=False),
        *columns,
        Column("body", LargeBinary, nullable=False),
    )  # fmt: skip
    Index(f"{name}_run", table.c.run)
    return table


measurements = _rows(
    "measurements", Column("process", Integer, nullable=False), Column("case_id", Text, nullable=False)
)
conditions = _rows("conditions")
profiles = _rows("profiles")
sources = _rows("sources", Column("hash", Text, nullable=False))
streams = _rows("streams", Column("name", Text, nullable=False))
slots = _rows("slots")
sniffs = _rows("sniffs", Column("machine", Text, nullable=False))
Index("sniffs_machine", sniffs.c.machine, sniffs.c.run)
configurations = _rows("configurations", Column("key", Text, nullable=False), Column("kind", Text, nullable=False))
Index("configurations_key", configurations.c.key)


def encode(value: object) -> bytes:
    """A value as it is kept; every bit of a float survives."""
    return msgspec.msgpack.encode(value)


def decode(body: bytes, kind: type[T]) -> T:
    """Raises msgspec.DecodeError where the bytes are no such value."""
    return msgspec.msgpack.decode(body, type=kind)
