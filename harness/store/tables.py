"""The tables. Values are kept as the MessagePack of their types; columns beside it are what is looked up.

Not as JSON: the error of an output with NaN in it is infinite, and JSON has no word for that.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    exists,
    insert,
    literal,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from harness.errors import HarnessError

T = TypeVar("T")

STORE_VERSION = 2
"""Raised when a table or a value changes; a store of another version is refused, since it would be misread. A table
that is added needs no new version: it is made where it is missing."""

metadata = MetaData()

version = Table("store", metadata, Column("version", Integer, nullable=False))
runs = Table(
    "runs", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("started", String(40), nullable=False),
    Column("suite", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("writer", String(200), nullable=False),
    Column("tags", String(1000), nullable=False, default=""),
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
    "measurements", Column("process", Integer, nullable=False), Column("case_id", String(500), nullable=False)
)
conditions = _rows("conditions")
profiles = _rows("profiles")
sources = _rows("sources", Column("hash", String(64), nullable=False))
streams = _rows("streams", Column("name", String(200), nullable=False))
slots = _rows("slots")
configurations = _rows(
    "configurations", Column("key", String(64), nullable=False), Column("kind", String(20), nullable=False)
)
Index("configurations_key", configurations.c.key)


def encode(value: object) -> bytes:
    """A value as it is kept; every bit of a float survives."""
    return msgspec.msgpack.encode(value)


def decode(body: bytes, kind: type[T]) -> T:
    """Raises msgspec.DecodeError where the bytes are no such value."""
    return msgspec.msgpack.decode(body, type=kind)


def open_engine(url: URL) -> Engine:
    """The database at a URL, its tables there; a file that may not be written, for reading alone. Raises HarnessError
    where it cannot be opened or is of another version."""
    try:
        try:
            engine = _writable(url)
        except OperationalError as error:
            if not (_may_not_write(error) and url.database and Path(url.database).is_file()):
                raise
            engine = create_engine(_for_reading(Path(url.database)))
        with engine.begin() as connection:
            found = connection.execute(select(version.c.version)).scalar_one()
    except SQLAlchemyError as error:
        raise HarnessError(f"{shown(url)}: not a run store: {one_line(error)}") from error
    except ModuleNotFoundError as error:
        raise HarnessError(f"{shown(url)}: this database needs the package {error.name}") from error
    if found != STORE_VERSION:
        newer = (
            "it was written by a newer harness"
            if found > STORE_VERSION
            else "it is from an older one; take another --store"
        )
        raise HarnessError(f"{shown(url)}: store version {found}, this program reads {STORE_VERSION}: {newer}")
    return engine


def _writable(url: URL) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_settings)
    with engine.begin() as connection:
        _create(connection)
    return engine


def _for_reading(file: Path) -> URL:
    """Of a SQLite file whose folder cannot be written either: it is read without a lock or a log of its own, unless
    somebody's log lies beside it, which may hold more than the file."""
    log = file.with_name(f"{file.name}-wal")
    alone = {} if log.is_file() and log.stat().st_size else {"immutable": "1"}
    return URL.create("sqlite", database=file.resolve().as_uri(), query={"uri": "true", "mode": "ro", **alone})


def _may_not_write(error: SQLAlchemyError) -> bool:
    """Whether SQLite was refused by the file's permissions, or by a read-only file system."""
    code: int = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _create(connection: Connection) -> None:
    """The tables where they are missing. Each statement decides for itself, so that two first runs at once agree."""
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index, if_not_exists=True))
    first = select(literal(STORE_VERSION)).where(~exists().select_from(version))
    connection.execute(insert(version).from_select(["version"], first))


def shown(url: URL) -> str:
    """A store in an error line: its file, or its URL without the password."""
    if url.drivername == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def one_line(error: SQLAlchemyError) -> str:
    """What the database said, without the statement and its values."""
    said = getattr(error, "orig", None) or error
    return str(said).strip().partition("\n")[0] or type(said).__name__


def _sqlite_settings(connection: DBAPIConnection, _: object) -> None:
    """A write-ahead log lets readers and a second run work while one writes; a commit survives kill -9.

    The time to wait for another writer comes first: changing to the log waits too.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
