"""Runs from one store into another, row by row as they were stored: each once, by its uuid."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, insert, literal, select
from sqlalchemy.exc import IntegrityError

from harness.errors import HarnessError
from harness.store import contents, events, points, tables
from harness.store.attempts import attempts
from harness.store.store import Store
from harness.store.writer import is_alive

SHARING: dict[Table, tuple[str, ...]] = {tables.sources: ("content",), tables.points: ("code", "context")}
"""The columns that reference contents, whose ids differ in another store."""


class Copied(NamedTuple):
    """Numbers of runs, and of attempts."""

    runs: int
    there: int
    """Runs that were in the target before."""
    running: int
    """Runs that are still being written, and left for the next copy."""
    attempts: int
    refused: tuple[str, ...] = ()
    """The runs that one of the databases does not read or take, each with the reason."""


def copy(source: Store, target: Store, uuids: Collection[str] | None = None) -> Copied:
    """Copy runs and the events of their history. uuids: only these runs, without attempts; None: everything.

    A run is copied wholly or not at all, in the order of its first store. One that a database refuses keeps none of the
    others back. Raises HarnessError where a database is gone; everything copied until then stays.
    """
    there = set(target.read([], _uuids))
    known = [row for row in source.read([], _runs) if uuids is None or row["uuid"] in uuids]
    copied = running = 0
    refused = list[str]()
    for row in known:
        if row["state"] == "running" and is_alive(str(row["writer"])):
            running += 1
        elif row["uuid"] not in there:
            try:
                copied += _copy_run(source, target, row)
            except HarnessError as error:
                source.read(None, _answer)  # raises where the database is gone, as it would for every further run
                target.read(None, _answer)
                refused.append(f"run {row['id']}: {error}")
    notes = _copy_attempts(source, target) if uuids is None else 0
    events.add(target, events.of_suite(source))
    there_before = len(known) - copied - running - len(refused)
    return Copied(copied, there_before, running, notes, tuple(refused))


def _answer(connection: Connection) -> None:
    connection.execute(select(literal(1)))


def _uuids(connection: Connection) -> list[str]:
    return list(connection.execute(select(tables.runs.c.uuid)).scalars())


def _runs(connection: Connection) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute(select(tables.runs).order_by(tables.runs.c.id)).mappings()]


def _copy_run(source: Store, target: Store, run: dict[str, object]) -> bool:
    """Return False where another process copied the run at the same moment."""
    values = {name: value for name, value in run.items() if name != "id"}
    if values["state"] == "running":  # its writer was killed, and no reader elsewhere could tell
        values["state"] = "partial"
    with source.transaction() as reading, target.transaction() as writing:
        try:
            with writing.begin_nested():
                key = writing.execute(insert(tables.runs).values(values)).inserted_primary_key
        except IntegrityError:
            return False
        assert key is not None
        rows = {table: _rows(reading, table, int(str(run["id"])), int(key[0])) for table in tables.ROWS}
        _renumber(reading, writing, rows)
        for table, found in rows.items():
            if found:
                writing.execute(insert(table), found)
        if values["state"] != run["state"]:
            points.fill_from_rows(writing, int(key[0]))
    return True


def _rows(reading: Connection, table: Table, run: int, to: int) -> list[dict[str, Any]]:
    found = reading.execute(select(table).where(table.c.run == run).order_by(table.c.row)).mappings()
    return [{**{k: v for k, v in row.items() if k != "row"}, "run": to} for row in found]


def _renumber(reading: Connection, writing: Connection, rows: dict[Table, list[dict[str, Any]]]) -> None:
    """Replace the ids of contents and series by those of the target; missing ones are added."""
    places = [(row, column) for table, columns in SHARING.items() for row in rows[table] for column in columns]
    bodies = contents.read(reading, (row[column] for row, column in places))
    ids = contents.keep(writing, bodies.values())
    for row, column in places:
        row[column] = ids[bodies[row[column]]]
    numbers = points.numbers_in(reading, writing, {row["series"] for row in rows[tables.points]})
    for row in rows[tables.points]:
        row["series"] = numbers[row["series"]]


def _copy_attempts(source: Store, target: Store) -> int:
    """Copy the attempts that have no equal there; the target assigns their numbers."""

    def of(connection: Connection) -> list[tuple[str, str, bytes]]:
        wanted = select(attempts.c.started, attempts.c.question, attempts.c.body).order_by(attempts.c.id)
        return [
            (str(started), str(question), tables.as_bytes(body))
            for started, question, body in connection.execute(wanted)
        ]

    there = set(target.read([], of))
    new = [found for found in source.read([], of) if found not in there]
    if new:
        with target.transaction() as connection:
            names = ("started", "question", "body")
            connection.execute(insert(attempts), [dict(zip(names, row, strict=True)) for row in new])
    return len(new)


def refuse_missing(store: Store) -> None:
    """Raises HarnessError for a file that is not there: a wrong name would be a copy, or a check, of nothing."""
    if store.file is not None and not store.file.exists():
        raise HarnessError(f"{store.location}: no such store; the first run, or `harness store create`, makes one")


def refuse_same(source: Store, target: Store) -> None:
    """Raises HarnessError where both are one store."""
    files = [one.file.resolve() if one.file is not None else one.location for one in (source, target)]
    if files[0] == files[1]:  # through a link, or by another path
        raise HarnessError(f"{source.location}: both are the same store; name another one")
