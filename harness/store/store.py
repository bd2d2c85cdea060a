"""The run store: appended to while a run goes on, read back as one value."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert, select, update

from harness.errors import HarnessError
from harness.store import tables
from harness.store.exchange import read_exported
from harness.store.merge import merge_measurements
from harness.store.writer import is_alive, this_writer
from harness.values.measurement import Conditions, Measurement
from harness.values.profile import Profile
from harness.values.run import SCHEMA_VERSION, Run

DEFAULT_STORE = Path(".harness") / "runs.sqlite"


class Summary(msgspec.Struct, frozen=True):
    """A run as it is listed."""

    id: str
    started: str
    suite: str
    state: str
    note: str
    tags: tuple[str, ...]
    cases: int
    device: str


class Store:
    """A run store at a file (its folder is made) or a database URL; empty: `.harness/runs.sqlite` here."""

    def __init__(self, location: str = "") -> None:
        if "://" not in location:
            path = Path(location) if location else DEFAULT_STORE
            path.parent.mkdir(parents=True, exist_ok=True)
            location = f"sqlite:///{path}"
        self.location = location
        self._engine = tables.open_engine(location)

    def close(self) -> None:
        self._engine.dispose()

    def begin(self, run: Run) -> str:
        """A new run from its first facts; returns its id in this store. Its rows follow one by one."""
        return self._insert_run(run, str(uuid.uuid4()), this_writer())

    def _insert_run(self, run: Run, identity: str, writer: str) -> str:
        header = msgspec.structs.replace(
            run, id="", measurements=(), conditions=(), profiles=(), sources={}, streams={}, tags=()
        )
        values = {
            "uuid": identity, "started": run.started, "suite": run.suite, "state": run.state, "writer": writer,
            "tags": ",".join(run.tags), "header": msgspec.json.encode(header),
        }  # fmt: skip
        with self._engine.begin() as connection:
            key = connection.execute(insert(tables.runs).values(values)).inserted_primary_key
        assert key is not None
        return str(key[0])

    def _add(self, table: Table, run_id: str, values: Iterable[Any], **columns: Any) -> None:
        rows = [{"run": int(run_id), "body": msgspec.json.encode(value), **columns} for value in values]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert(table), rows)

    def add_measurement(self, run_id: str, process: int, measurement: Measurement) -> None:
        self._add(tables.measurements, run_id, [measurement], process=process, case_id=measurement.case.id)

    def add_conditions(self, run_id: str, conditions: Sequence[Conditions]) -> None:
        self._add(tables.conditions, run_id, conditions)

    def add_profile(self, run_id: str, profile: Profile) -> None:
        self._add(tables.profiles, run_id, [profile])

    def add_source(self, run_id: str, key: str, text: str) -> None:
        self._add(tables.sources, run_id, [text], hash=key)

    def add_stream(self, run_id: str, name: str, tokens: Sequence[int]) -> None:
        self._add(tables.streams, run_id, [list(tokens)], name=name)

    def finish(self, run_id: str, state: str) -> None:
        """`complete`, or `partial` for a run that ended before its plan."""
        self._set(run_id, state=state)

    def tag(self, run_id: str, tags: Sequence[str]) -> None:
        self._set(run_id, tags=",".join(tags))

    def _set(self, run_id: str, **columns: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(tables.runs).where(tables.runs.c.id == int(run_id)).values(**columns))

    def add_run(self, run: Run, identity: str) -> str:
        """A whole run from elsewhere; the id that it has here. One that is here already is not added again."""
        with self._engine.begin() as connection:
            known = connection.execute(select(tables.runs.c.id).where(tables.runs.c.uuid == identity)).scalar()
        if known is not None:
            return str(known)
        run_id = self._insert_run(msgspec.structs.replace(run, state="running"), identity, this_writer())
        for measurement in run.measurements:
            self.add_measurement(run_id, 0, measurement)
        self.add_conditions(run_id, run.conditions)
        self._add(tables.profiles, run_id, run.profiles)
        for key, text in run.sources.items():
            self.add_source(run_id, key, text)
        for name, tokens in run.streams.items():
            self.add_stream(run_id, name, tokens)
        self.finish(run_id, run.state)
        return run_id

    def runs(self, suite: str | None = None) -> list[Summary]:
        """All runs, oldest first."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(tables.runs).order_by(tables.runs.c.id)).all()
        return [_summary(row) for row in rows if suite in (None, row.suite)]

    def load(self, name: str = "last", suite: str | None = None) -> Run:
        """A run by `last` (the newest complete one), `last~1`, its id, a tag or the path of an exported file.

        Raises HarnessError, naming what there is, where there is no such run.
        """
        if Path(name).is_file():
            return read_exported(Path(name))[0]
        run_id = self._find(name, suite)
        with self._engine.begin() as connection:
            return _load(connection, run_id)

    def identity(self, run_id: str) -> str:
        """The run's uuid, which it keeps on every machine."""
        with self._engine.begin() as connection:
            return str(connection.execute(select(tables.runs.c.uuid).where(tables.runs.c.id == int(run_id))).scalar())

    def _find(self, name: str, suite: str | None) -> int:
        known = self.runs(suite)
        complete = [run for run in known if run.state == "complete"]
        word, _, back = name.partition("~")
        if word == "last" and (back.isdigit() or not back):
            steps = int(back or 0)
            if steps < len(complete):
                return int(complete[-1 - steps].id)
            of = f" of suite {suite}" if suite else ""
            raise HarnessError(f"{name}: {self.location} has {len(complete)} complete runs{of}; `harness show` lists all runs")
        for run in reversed(known):
            if name == run.id or name in run.tags:
                return int(run.id)
        tags = sorted({tag for run in known for tag in run.tags})
        ids = f"ids {known[0].id} to {known[-1].id}" if known else "no runs"
        raise HarnessError(f"no run {name} in {self.location}; there: {ids}{', tags ' + ', '.join(tags) if tags else ''}; or `last`, or a file")


def _state(row: Any) -> str:
    return "partial" if row.state == "running" and not is_alive(row.writer) else str(row.state)


def _tags(row: Any) -> tuple[str, ...]:
    return tuple(tag for tag in row.tags.split(",") if tag)


def _summary(row: Any) -> Summary:
    header = _decode(row.header, Run)
    device = header.environment.device_name if header.environment else ""
    return Summary(str(row.id), row.started, row.suite, _state(row), header.note, _tags(row), len(header.planned), device)


def _load(connection: Connection, run_id: int) -> Run:
    row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).one()

    def rows(table: Table) -> Sequence[Any]:
        return connection.execute(select(table).where(table.c.run == run_id).order_by(table.c.row)).all()

    measured = [_decode(m.body, Measurement) for m in rows(tables.measurements)]
    header = _decode(row.header, Run)
    order = {case.id: index for index, case in enumerate(header.planned)}
    return msgspec.structs.replace(
        header,
        id=str(row.id),
        state=_state(row),
        tags=_tags(row),
        measurements=merge_measurements(measured, order),
        conditions=tuple(_decode(c.body, Conditions) for c in rows(tables.conditions)),
        profiles=tuple(_decode(p.body, Profile) for p in rows(tables.profiles)),
        sources={s.hash: _decode(s.body, str) for s in rows(tables.sources)},
        streams={s.name: _decode(s.body, list[int]) for s in rows(tables.streams)},
    )


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise HarnessError(f"a stored {kind.__name__} cannot be read (schema {SCHEMA_VERSION} wanted): {error}") from error
