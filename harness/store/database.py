"""A store's database: opened without writing; created and upgraded to this version on request."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from harness.errors import HarnessError, StoreFailed
from harness.secrets import masked
from harness.store import migrations, tables
from harness.store.tables import STORE_VERSION

CONNECT_S = 10
"""Seconds after which a silent server counts as down."""
STATEMENT_MS = 120_000
LOCK_MS = 30_000
"""Time to wait for another process's lock, in both databases."""
CREATION_LOCK = 0x4B45524E
"""Key of the advisory lock under which a store is created or upgraded: `IF NOT EXISTS` is no lock in PostgreSQL."""
POSTGRESQL = ("postgres", "postgresql")


_NEARLY_A_URL = re.compile(r"(postgres|postgresql)(\+\w+)?(:|:/|/|//)(?!/).*@", re.IGNORECASE)
"""A file of that name would have a password in its name."""


def read_url(location: str) -> URL:
    """The URL of a file, or the URL as given; PostgreSQL through psycopg where no driver is named. Raises
    HarnessError."""
    allowed = "a file, sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    if _NEARLY_A_URL.match(location):
        scheme = re.split("[:/]", location)[0]
        raise HarnessError(f"--store {scheme}...: no database URL; allowed: {allowed}")
    if "://" not in location:
        return URL.create("sqlite", database=location)
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise HarnessError(f"--store {masked(location)}: no database URL; allowed: {allowed}") from error
    return url.set(drivername="postgresql+psycopg") if url.drivername in POSTGRESQL else url


def open_engine(url: URL) -> Engine:
    """Open the store at a URL. A missing SQLite file is created; a file without write permission is opened read-only. A
    server's database is not written to: `create` does that.

    Raises HarnessError where it cannot be opened, is no store or has another version.
    """
    with _said_in_one_line(url):
        try:
            engine = _engine(url)
            found = _version(engine)
        except OperationalError as error:
            if not (_may_not_write(error) and url.database and Path(url.database).is_file()):
                raise
            engine = create_engine(_for_reading(Path(url.database)))
            found = _version(engine)
        if found is None:
            if engine.dialect.name != "sqlite":
                raise HarnessError(f"{shown(url)}: no run store yet; `harness store create --store URL` makes one")
            _make(engine, url)
            found = STORE_VERSION
    if found != STORE_VERSION:
        what = (
            "it was written by a newer harness"
            if found > STORE_VERSION
            else "`harness store upgrade` brings it to this version"
        )
        raise HarnessError(f"{shown(url)}: store version {found}, this program reads {STORE_VERSION}: {what}")
    return engine


def create(url: URL) -> bool:
    """Create the tables of a store. Return False where it is a store already. Safe while other processes do the
    same."""
    with _said_in_one_line(url):
        engine = _engine(url)
        try:
            return _make(engine, url)
        finally:
            engine.dispose()


def upgrade(url: URL) -> tuple[int, Path | None]:
    """Upgrade a store of an older version, wholly or not at all. Return its old version and the path of the copy made
    before (None for a database server, which has backups of its own). Raises HarnessError for a file that is no store,
    and for a store of a newer version."""
    with _said_in_one_line(url):
        engine = _engine(url)
        try:
            with engine.begin() as connection:
                _lock(connection)
                found = _stored_version(connection)
                if found is None:
                    raise HarnessError(f"{shown(url)}: no run store; `harness store create` makes one")
                if found > STORE_VERSION:
                    raise HarnessError(f"{shown(url)}: store version {found} is of a newer harness: use that")
                if found == STORE_VERSION:
                    return found, None
                copy = _copy(url, found) if engine.dialect.name == "sqlite" else None
                migrations.upgrade(connection, found)
            return found, copy
        finally:
            engine.dispose()


def write_again(engine: Engine, file: Path) -> None:
    """Rewrite a deleted file from a connection that still has it open."""
    with engine.connect() as connection, closing(sqlite3.connect(file)) as target:
        held = connection.connection.driver_connection
        assert isinstance(held, sqlite3.Connection)
        held.backup(target)


def shown(url: URL) -> str:
    """A store in a line of text: its file, or its URL without a password."""
    if url.drivername == "sqlite" and url.database:
        return url.database
    return masked(url.render_as_string(hide_password=True))


def one_line(error: SQLAlchemyError) -> str:
    """The database's message, without the statement and its values."""
    said = getattr(error, "orig", None) or error
    if _sqlite_code(error) == sqlite3.SQLITE_BUSY:
        return f"locked by another program for {LOCK_MS // 1000} s; try again when it has ended"
    return masked(str(said).strip().partition("\n")[0]) or type(said).__name__


@contextmanager
def _said_in_one_line(url: URL) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreFailed(f"{shown(url)}: not a run store: {one_line(error)}") from error
    except UnicodeDecodeError as error:
        raise HarnessError(f"{shown(url)}: not a run store: damaged text in it") from error
    except ModuleNotFoundError as error:
        package = "psycopg: pip install 'kernel-harness[postgres]'" if error.name == "psycopg" else error.name
        raise HarnessError(f"{shown(url)}: this database needs the package {package}") from error


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        settings = f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS} -c TimeZone=UTC"
        options["connect_args"] = {"connect_timeout": CONNECT_S, "options": settings}
        options["pool_pre_ping"] = True  # servers and proxies close what is idle between two cases
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_settings)
    return engine


def _version(engine: Engine) -> int | None:
    with engine.connect() as connection:
        return _stored_version(connection)


def _stored_version(connection: Connection) -> int | None:
    """The stored version; None where none of the tables exists."""
    there = set(inspect(connection).get_table_names())
    if tables.version.name not in there:
        ours = sorted(there & set(tables.metadata.tables))
        if ours:
            raise HarnessError(
                f"{shown(connection.engine.url)}: not a run store: it holds {', '.join(ours)} of another program"
            )
        return None
    found = connection.execute(select(tables.version.c.version)).scalars().all()
    if len(found) != 1:
        raise HarnessError(f"{shown(connection.engine.url)}: not a run store: it has {len(found)} versions")
    version: object = found[0]
    if not isinstance(version, int):  # SQLite keeps anything in any column
        raise HarnessError(f"{shown(connection.engine.url)}: not a run store: version {str(version)[:20]!r}")
    return version


def _make(engine: Engine, url: URL) -> bool:
    with engine.begin() as connection:
        _lock(connection)
        if _stored_version(connection) is not None:
            return False
        for table in tables.metadata.sorted_tables:
            connection.execute(CreateTable(table))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index))
        connection.execute(insert(tables.version).values(id=1, version=STORE_VERSION))
        return True


def _lock(connection: Connection) -> None:
    """Keep other processes from creating or upgrading until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": CREATION_LOCK})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _copy(url: URL, version: int) -> Path:
    file = Path(str(url.database))
    copy = file.with_name(f"{file.name}.version{version}")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _for_reading(file: Path) -> URL:
    """The URL of a SQLite file whose folder is read-only too: the file is read without a lock or a log of its own. Not
    so where another process's log lies beside it, which may hold more than the file."""
    log = file.with_name(f"{file.name}-wal")
    alone = {} if log.is_file() and log.stat().st_size else {"immutable": "1"}
    return URL.create("sqlite", database=file.resolve().as_uri(), query={"uri": "true", "mode": "ro", **alone})


def _sqlite_code(error: SQLAlchemyError) -> int:
    """SQLite's primary result code; 0 for another database."""
    return int(getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)) & 0xFF


def _may_not_write(error: SQLAlchemyError) -> bool:
    """Whether the file's permissions or a read-only file system refused SQLite."""
    return _sqlite_code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _sqlite_settings(connection: DBAPIConnection, _: object) -> None:
    """Set a write-ahead log: readers and a second run work while one writes, and a commit survives kill -9.

    The time to wait for another writer is set first: changing to the log waits too.
    """
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={LOCK_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
