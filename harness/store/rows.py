"""Values to rows of the store, each call within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy
from sqlalchemy import Connection, Row, Table, select, update

from harness.errors import HarnessError
from harness.store import contents, points, tables
from harness.store.machines import sniffed
from harness.store.writer import listed, this_writer
from harness.values.run import Run


def id_of(connection: Connection, identity: str) -> int | None:
    row: Row[Any] | None = connection.execute(select(tables.runs.c.id).where(tables.runs.c.uuid == identity)).first()
    return None if row is None else int(row[0])


def insert_run(connection: Connection, run: Run, identity: str, state: str) -> int:
    header = msgspec.structs.replace(
        run, id="", measurements=(), conditions=(), profiles=(), sources={}, streams={}, slots=(), tags=()
    )
    values = {
        "uuid": identity, "started": run.started, "suite": run.suite, "state": state, "writer": this_writer(),
        "tags": ",".join(run.tags), **listed(run),
    }  # fmt: skip
    key = connection.execute(sqlalchemy.insert(tables.runs).values(_texts(values))).inserted_primary_key
    assert key is not None
    run_id = int(key[0])
    insert(connection, tables.headers, run_id, [header])
    is_head = run.pairing is not None and run.pairing.side == "head"
    if run.sniff is not None and run.environment is not None and not is_head:  # the look of a pair counts once
        looked = sniffed(run, identity, run.environment, run.sniff)
        insert(connection, tables.sniffs, run_id, [looked], machine=looked.machine)
    return run_id


def finish(connection: Connection, run_id: int, state: str) -> None:
    connection.execute(update(tables.runs).where(tables.runs.c.id == run_id).values(state=state))
    points.fill_from_rows(connection, run_id)


def insert_sources(connection: Connection, run_id: int, texts: Mapping[str, str]) -> None:
    bodies = {key: tables.encode(text) for key, text in texts.items()}
    ids = contents.keep(connection, bodies.values())
    rows = [{"run": run_id, **_texts({"hash": key}), "content": ids[body]} for key, body in bodies.items()]
    if rows:
        connection.execute(sqlalchemy.insert(tables.sources), rows)


def insert(connection: Connection, table: Table, run_id: int, values: Iterable[Any], **columns: Any) -> None:
    same = {"run": run_id, **_texts(columns)}
    rows = [{**same, "body": tables.encode(value)} for value in values]
    if rows:
        connection.execute(sqlalchemy.insert(table), rows)


def _texts(columns: dict[str, Any]) -> dict[str, Any]:
    """The columns in a form that every database can keep: a NUL in a name is text in SQLite and invalid in
    PostgreSQL."""
    for name, value in columns.items():
        if isinstance(value, str) and "\0" in value:
            raise HarnessError(f"{name} {value[:40]!r}: it contains a NUL; remove it")
    return columns
