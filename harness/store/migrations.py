"""Migrations from one version of the store to the next: a chain of steps, each within the transaction of the
upgrade."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, String, column, insert, inspect, select, table, text, update
from sqlalchemy.schema import CreateIndex, CreateTable

from harness.errors import HarnessError
from harness.store import contents, points, tables
from harness.store.writer import listed
from harness.values.run import Run


def upgrade(connection: Connection, version: int) -> None:
    """Apply all steps from `version` on. Afterwards every table of this program exists. Raises HarnessError for a
    version that no release wrote."""
    if version not in STEPS:
        raise HarnessError(f"store version {version}: no release wrote it; allowed: {', '.join(map(str, STEPS))}")
    for number in range(version, tables.STORE_VERSION):
        STEPS[number](connection)
    _make_missing(connection)
    connection.execute(update(tables.version).values(version=tables.STORE_VERSION))


def _texts_of_any_length(connection: Connection) -> None:
    """2 to 3: names have no greatest length, which only PostgreSQL enforced; the version is one row, with a key."""
    if connection.dialect.name == "postgresql":
        found = inspect(connection)
        for name in set(found.get_table_names()) & set(tables.metadata.tables):
            for kept in found.get_columns(name):
                if isinstance(kept["type"], String):
                    connection.execute(text(f'ALTER TABLE {name} ALTER COLUMN "{kept["name"]}" TYPE TEXT'))
    connection.execute(text("ALTER TABLE store RENAME TO store_before"))
    connection.execute(CreateTable(tables.version))
    connection.execute(insert(tables.version).values(id=1, version=2))
    connection.execute(text("DROP TABLE store_before"))


def _new_tables_alone(_: Connection) -> None:
    """3 to 4: sniffs of machines; 5 to 6: the outbox. `upgrade` creates the missing tables."""


def _points_and_shared_texts(connection: Connection) -> None:
    """4 to 5: headers become rows, runs hold the columns of lists, source texts are kept once, and every finished run
    gets its points."""
    connection.execute(text("DROP INDEX sources_run"))
    connection.execute(text("ALTER TABLE sources RENAME TO sources_before"))
    for name in ("purpose", "comparison", "note", "device"):
        connection.execute(text(f"ALTER TABLE runs ADD COLUMN {name} TEXT NOT NULL DEFAULT ''"))
    for name in ("cases", "measured"):
        connection.execute(text(f"ALTER TABLE runs ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"))
    connection.execute(text("CREATE INDEX runs_purpose ON runs (purpose, state)"))
    _make_missing(connection)
    connection.execute(text("INSERT INTO headers (run, body) SELECT id, header FROM runs ORDER BY id"))
    connection.execute(text("ALTER TABLE runs DROP COLUMN header"))
    r, h, old = tables.runs.c, tables.headers.c, table("sources_before", column("run"), column("hash"), column("body"))
    for number, state in connection.execute(select(r.id, r.state).order_by(r.id)).all():
        kept = connection.execute(select(old.c.hash, old.c.body).where(old.c.run == number)).all()
        ids = contents.keep(connection, (bytes(row.body) for row in kept))
        rows = [{"run": number, "hash": row.hash, "content": ids[bytes(row.body)]} for row in kept]
        if rows:
            connection.execute(insert(tables.sources), rows)
        run = tables.decode(connection.execute(select(h.body).where(h.run == number)).scalar_one(), Run)
        connection.execute(update(tables.runs).where(r.id == number).values(listed(run)))
        if state != "running":
            points.fill_from_rows(connection, number)
    connection.execute(text("DROP TABLE sources_before"))


def _make_missing(connection: Connection) -> None:
    """Create the missing tables of this program, with their indexes."""
    there = set(inspect(connection).get_table_names())
    for missing in tables.metadata.sorted_tables:
        if missing.name not in there:
            connection.execute(CreateTable(missing))
            for index in missing.indexes:
                connection.execute(CreateIndex(index))


STEPS: dict[int, Callable[[Connection], None]] = {
    2: _texts_of_any_length,
    3: _new_tables_alone,
    4: _points_and_shared_texts,
    5: _new_tables_alone,
}
"""Steps by the version that each starts from."""
