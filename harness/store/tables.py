"""The tables. Values are kept as the JSON of their types; columns beside it are what is looked up."""

from __future__ import annotations

from sqlalchemy import Column, Engine, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, event, insert, select
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from harness.errors import HarnessError

STORE_VERSION = 1
"""Raised when the tables change; a store of another version is refused, since its values would be misread."""

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


measurements = _rows("measurements", Column("process", Integer, nullable=False), Column("case_id", String(500), nullable=False))
conditions = _rows("conditions")
profiles = _rows("profiles")
sources = _rows("sources", Column("hash", String(64), nullable=False))
streams = _rows("streams", Column("name", String(200), nullable=False))


def open_engine(url: str) -> Engine:
    """The database at a URL, its tables there. Raises HarnessError where it cannot be opened or is of another version."""
    engine = sqlalchemy_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_settings)
    try:
        metadata.create_all(engine)
        with engine.begin() as connection:
            found = connection.execute(select(version.c.version)).scalar()
            if found is None:
                connection.execute(insert(version).values(version=STORE_VERSION))
    except (SQLAlchemyError, DatabaseError) as error:
        raise HarnessError(f"{url}: not a run store: {str(error).splitlines()[0]}") from error
    if found not in (None, STORE_VERSION):
        raise HarnessError(f"{url}: store version {found}, this program reads {STORE_VERSION}; use another --store")
    return engine


def _sqlite_settings(connection: object, _: object) -> None:
    """A write-ahead log lets readers and a second run work while one writes; a commit survives kill -9."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
