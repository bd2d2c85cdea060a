"""The tables. Values are kept as the MessagePack of their types; the columns beside them are for lookups.

JSON would not do: the error of an output with NaN in it is infinite, and JSON has no infinity.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

T = TypeVar("T")

STORE_VERSION = 6
"""Increased when a table or a value changes; `migrations` has a step from each version before."""

PRUNED = "pruned"
"""State of a run that kept only its points; see `pruning`."""

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
    Column("purpose", Text, nullable=False, server_default=""),
    Column("comparison", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("device", Text, nullable=False, server_default=""),
    Column("cases", Integer, nullable=False, server_default="0"),
    Column("measured", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)  # fmt: skip
"""All columns of a list, so that a hundred thousand runs are listed without decoding a value. measured: the number of
cases with a row, set at the run's end."""
Index("runs_purpose", runs.c.purpose, runs.c.state)

contents = Table(
    "contents", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip
"""Values that many rows share, stored once: source texts, the code of a case, the conditions of a point. hash: sha256
of the body."""


def _rows(name: str, *columns: Column[object], bodies: bool = True) -> Table:
    """A table whose rows belong to a run."""
    table = Table(
        name, metadata,
        Column("row", Integer, primary_key=True, autoincrement=True),
        Column("run", Integer, ForeignKey("runs.id"), nullable=False),
        *columns,
        *([Column("body", LargeBinary, nullable=False)] if bodies else []),
    )  # fmt: skip
    Index(f"{name}_run", table.c.run)
    return table


def _content(name: str) -> Column[object]:
    return Column(name, Integer, ForeignKey("contents.id"), nullable=False)


headers = _rows("headers")
"""One per run: all of `Run` that is not a row of its own."""
measurements = _rows(
    "measurements", Column("process", Integer, nullable=False), Column("case_id", Text, nullable=False)
)
conditions = _rows("conditions")
profiles = _rows("profiles")
sources = _rows("sources", Column("hash", Text, nullable=False), _content("content"), bodies=False)
streams = _rows("streams", Column("name", Text, nullable=False))
slots = _rows("slots")
sniffs = _rows("sniffs", Column("machine", Text, nullable=False))
Index("sniffs_machine", sniffs.c.machine, sniffs.c.run)
configurations = _rows("configurations", Column("key", Text, nullable=False), Column("kind", Text, nullable=False))
Index("configurations_key", configurations.c.key)

series = Table(
    "series", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("suite", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("suite", "case_id", "machine", "identity", name="series_key"),
)  # fmt: skip
points = _rows(
    "points",
    Column("series", Integer, ForeignKey("series.id"), nullable=False),
    Column("started", Text, nullable=False),
    Column("commit", Text, nullable=False),
    Column("position", Integer),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("value_us", Float),
    Column("low_us", Float),
    Column("high_us", Float),
    Column("confidence", Float),
    Column("n", Integer),
    Column("level", Text, nullable=False),
    Column("noise", Text, nullable=False),
    Column("tree", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    _content("code"),
    _content("context"),
    bodies=False,
)
"""A row for each case of a finished run; see `points`."""
Index("points_series", points.c.series, points.c.started, points.c.run)

outbox = Table(
    "outbox", metadata,
    Column("run", Integer, ForeignKey("runs.id"), primary_key=True, autoincrement=False),
)  # fmt: skip
"""Runs that wait to be pushed into the team's store; only in a local file."""

ROWS = (headers, measurements, conditions, profiles, sources, streams, slots, sniffs, configurations, points)
"""The tables whose rows belong to a run."""


def encode(value: object) -> bytes:
    """A value as it is stored; every bit of a float survives."""
    return msgspec.msgpack.encode(value)


def encode_sorted(value: object) -> bytes:
    """The same bytes for equal values, in whatever order their mappings were filled."""
    return msgspec.msgpack.encode(value, order="sorted")


def decode(body: bytes, kind: type[T]) -> T:
    """Raises msgspec.DecodeError where the bytes are no such value, or where SQLite stored something other than
    bytes."""
    return msgspec.msgpack.decode(as_bytes(body), type=kind)


def as_bytes(body: object) -> bytes:
    """Raises msgspec.DecodeError for another type."""
    if not isinstance(body, bytes):
        raise msgspec.DecodeError(f"Expected `bytes`, got `{type(body).__name__}`")
    return body
