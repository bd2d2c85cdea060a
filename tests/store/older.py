"""A store of today brought back to the tables of older programs."""

from __future__ import annotations

from sqlalchemy import Engine, text


def as_version_3(engine: Engine) -> None:
    """No looks at machines."""
    as_version_4(engine, keeps_looks=False)


def as_version_4(engine: Engine, keeps_looks: bool = True) -> None:
    """Headers in the table of runs, source texts in each run that has them, no points."""
    blob = "BYTEA" if engine.dialect.name == "postgresql" else "BLOB"
    number = "SERIAL" if engine.dialect.name == "postgresql" else "INTEGER"
    with engine.begin() as connection:
        for statement in (
            f"ALTER TABLE runs ADD COLUMN header {blob}",
            "DROP TABLE outbox",
            "UPDATE runs SET header = (SELECT body FROM headers WHERE headers.run = runs.id)",
            f"CREATE TABLE kept (row {number} PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id),"
            f" hash TEXT NOT NULL, body {blob} NOT NULL)",
            "INSERT INTO kept (run, hash, body) SELECT s.run, s.hash, c.body FROM sources s"
            " JOIN contents c ON c.id = s.content ORDER BY s.row",
            *(f"DROP TABLE {name}" for name in ("points", "series", "sources", "headers", "contents")),
            *([] if keeps_looks else ["DROP TABLE sniffs"]),
            "ALTER TABLE kept RENAME TO sources",
            "CREATE INDEX sources_run ON sources (run)",
            "DROP INDEX runs_purpose",
            *(
                f"ALTER TABLE runs DROP COLUMN {name}"
                for name in ("purpose", "comparison", "note", "device", "cases", "measured")
            ),
            f"UPDATE store SET version = {4 if keeps_looks else 3}",
        ):
            connection.execute(text(statement))


def as_version_2(engine: Engine) -> None:
    """The version a row without a key."""
    as_version_3(engine)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE store",
            "CREATE TABLE store (version INTEGER NOT NULL)",
            "INSERT INTO store VALUES (2)",
        ):
            connection.execute(text(statement))
