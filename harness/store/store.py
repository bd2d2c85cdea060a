"""The run store: appended to while a run goes on, read back as one value."""

from __future__ import annotations

import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from sqlalchemy import URL, Connection, Engine, Table, select, update
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import HarnessError, StoreFailed
from harness.store import configurations, database, machines, points, rows, tables
from harness.store.exchange import read_exported
from harness.store.naming import find, is_file, is_reserved, steps_back
from harness.store.reading import candidates, environments, load_run, summaries, uuid_of
from harness.store.writer import is_alive
from harness.values.closure import ObservedCode
from harness.values.environment import Environment
from harness.values.machine import Sniffed
from harness.values.measurement import Conditions, Measurement
from harness.values.pairing import Pairing, Slot
from harness.values.point import CasePoint, CaseSeries
from harness.values.profile import Profile
from harness.values.run import Run
from harness.values.summary import Summary
from harness.values.sweep import Configuration, Finals

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_STORE = Path(".harness") / "runs.sqlite"


def make_folder(folder: Path) -> None:
    """Create a folder of the harness; git is told to ignore one named `.harness`, whoever creates it first."""
    own = next((place for place in (folder, *folder.parents) if place.name == DEFAULT_STORE.parent.name), None)
    folder.mkdir(parents=True, exist_ok=True)
    if own is not None and not (own / ".gitignore").exists():
        (own / ".gitignore").write_text("*\n", encoding="utf-8")


class Store:
    """A run store at a file or a database URL; empty: `.harness/runs.sqlite` here.

    The first run that writes to it creates the file and its folder; reading leaves nothing behind. Every method commits
    before it returns, and raises HarnessError, one line, where the database refuses.
    """

    def __init__(self, location: str = "") -> None:
        self._url = url_of(location)
        self._file = Path(self._url.database) if self._url.drivername == "sqlite" and self._url.database else None
        if self._file is None or self._file.exists():
            _ = self._engine  # a wrong version or file is said now, not after an hour of measuring

    @property
    def location(self) -> str:
        """The store's name in messages: the file, or the URL without its password."""
        return database.shown(self._url)

    @property
    def file(self) -> Path | None:
        """The store's file, or None."""
        return self._file

    @cached_property
    def _engine(self) -> Engine:
        if self._file is not None:
            try:
                make_folder(self._file.parent)
            except OSError as error:
                raise HarnessError(f"{self.location}: its folder cannot be made: {error.strerror}") from error
        return database.open_engine(self._url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction: all of it or nothing. Raises HarnessError where the database refuses, or where a stored value
        is damaged."""
        try:
            self._write_again_if_gone()
            with self._engine.begin() as connection:
                yield connection
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HarnessError(f"{self.location}: a stored value cannot be read: {error}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise HarnessError(f"{self.location}: a value that no store can keep: {error}") from error
        except SQLAlchemyError as error:
            raise StoreFailed(f"{self.location}: {database.one_line(error)}") from error

    def _write_again_if_gone(self) -> None:
        """Rewrite a file that somebody deleted under an open store: this process still has all measurements open, and
        they would be lost with it."""
        if self._file is None or self._file.exists() or "_engine" not in self.__dict__:
            return
        try:
            make_folder(self._file.parent)
            database.write_again(self._engine, self._file)
        except (OSError, sqlite3.Error) as error:
            raise HarnessError(
                f"{self.location}: deleted while it was in use, and not written again: {error}"
            ) from error
        self._engine.dispose()
        del self._engine
        print(f"{self.location}: deleted while it was in use; written again with all that was in it", file=sys.stderr)

    def read(
        self, nothing: T, reading: Callable[Concatenate[Connection, P], T], *args: P.args, **options: P.kwargs
    ) -> T:
        """The result of `reading` on the tables; `nothing` for a store that was never written to, which is not
        created."""
        if "_engine" not in self.__dict__ and self._file is not None and not self._file.exists():
            return nothing
        with self.transaction() as connection:
            return reading(connection, *args, **options)

    def close(self) -> None:
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def compact(self) -> None:
        """Return the file's free pages to the file system; a server does so by itself."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")

    def begin(self, run: Run) -> str:
        """Begin a new run from its first facts; return its id in this store. Its rows follow one by one. Runs whose
        writer was killed become partial runs with points."""
        with self.transaction() as connection:
            for number, writer in points.unfinished(connection):
                if not is_alive(writer):
                    rows.finish(connection, number, "partial")
            return str(rows.insert_run(connection, run, str(uuid.uuid4()), run.state))

    def add_measurement(self, run_id: str, process: int, measurement: Measurement) -> None:
        """Add one case in one process."""
        self._add(tables.measurements, run_id, [measurement], process=process, case_id=measurement.case.id)

    def add_conditions(self, run_id: str, conditions: Sequence[Conditions]) -> None:
        self._add(tables.conditions, run_id, conditions)

    def add_profile(self, run_id: str, profile: Profile) -> None:
        self._add(tables.profiles, run_id, [profile])

    def add_source(self, run_id: str, key: str, text: str) -> None:
        """Add the text of a variant or suite under its sha256."""
        with self.transaction() as connection:
            rows.insert_sources(connection, int(run_id), {key: text})

    def add_stream(self, run_id: str, name: str, tokens: Sequence[int]) -> None:
        self._add(tables.streams, run_id, [list(tokens)], name=name)

    def add_slot(self, run_id: str, slot: Slot) -> None:
        self._add(tables.slots, run_id, [slot])

    def add_configuration(self, run_id: str, key: str, value: Configuration | Finals) -> None:
        """Add one configuration of a sweep, or the result of its finals, under its key."""
        with self.transaction() as connection:
            configurations.add(connection, int(run_id), key, value)

    def known_configurations(self, keys: Iterable[str]) -> dict[str, Configuration]:
        """The newest row of each key that is stored."""
        return self.read({}, configurations.newest, keys, Configuration)

    def known_finals(self, key: str) -> Finals | None:
        return self.read(dict[str, Finals](), configurations.newest, [key], Finals).get(key)

    def configurations_of(self, op: str) -> list[tuple[Configuration, Environment | None]]:
        """The newest row of each configuration of an op, over all runs and machines, with the environment that measured
        it."""
        return self.read([], configurations.everything, op)

    def environments(self) -> list[Environment]:
        """Environments of all runs, oldest first."""
        return self.read([], environments)

    def set_pairing(self, run_id: str, pairing: Pairing) -> None:
        """Replace a run's facts about its comparison."""
        self._change(run_id, pairing=pairing)

    def set_observed(self, run_id: str, observed: ObservedCode) -> None:
        """Store the files that a run's cases were seen to read."""
        self._change(run_id, observed=observed)

    def _change(self, run_id: str, **facts: Pairing | ObservedCode) -> None:
        with self.transaction() as connection:
            own = tables.headers.c.run == int(run_id)
            run = tables.decode(connection.execute(select(tables.headers.c.body).where(own)).scalar_one(), Run)
            header = tables.encode(msgspec.structs.replace(run, **facts))
            connection.execute(update(tables.headers).where(own).values(body=header))

    def finish(self, run_id: str, state: str) -> None:
        """Set the state: `complete`, or `partial` for a run that ended before its plan. Its points are written with
        it."""
        with self.transaction() as connection:
            rows.finish(connection, int(run_id), state)

    def tag(self, run_id: str, tags: Sequence[str]) -> None:
        """Replace the names of the run. Raises HarnessError for a number, `last` or a name with a comma."""
        for tag in tags:
            if not tag or "," in tag or is_reserved(tag):
                raise HarnessError(f"tag {tag!r}: allowed: a word without commas that is neither a number nor `last`")
        self._set(run_id, tags=",".join(tags))

    def add_run(self, run: Run, identity: str) -> str:
        """Add a whole run from elsewhere, wholly or not at all; return its id in this store. A run that is already here
        is not added again."""
        with self.transaction() as connection:
            known = rows.id_of(connection, identity)
            if known is not None:
                return str(known)
            state = "partial" if run.state == "running" else run.state
            key = rows.insert_run(connection, run, identity, state)
            for measurement in run.measurements:
                rows.insert(connection, tables.measurements, key, [measurement], process=0, case_id=measurement.case.id)
            rows.insert(connection, tables.conditions, key, run.conditions)
            rows.insert(connection, tables.profiles, key, run.profiles)
            rows.insert(connection, tables.slots, key, run.slots)
            rows.insert_sources(connection, key, run.sources)
            for name, tokens in run.streams.items():
                rows.insert(connection, tables.streams, key, [tokens], name=name)
            points.fill(connection, key, msgspec.structs.replace(run, id=str(key)))
            return str(key)

    def sniffs(self, machine: str | None = None, last: int | None = None) -> list[Sniffed]:
        """The sniffs of a machine before its runs, in the order of their starts; of all machines where None. last: only
        this many that came last into this store."""
        return self.read([], machines.sniffs, machine, last)

    def sniff_of(self, run_id: str) -> Sniffed | None:
        """The sniff before a run; None where it has none."""
        return self.read(None, machines.sniff_of, int(run_id))

    def runs(self, suite: str | None = None, purpose: str | None = None, newest: int = 0) -> list[Summary]:
        """Summaries of runs, oldest first. purpose: of comparisons and calibrations, empty for other runs. newest: only
        this many; 0: all."""
        return self.read([], summaries, suite, purpose, newest)

    def named(self, name: str, suite: str | None = None) -> list[Summary]:
        """The runs that a name may select, oldest first: as an id, `last`, a tag or a part of one, a start of a
        uuid."""
        return self.read([], candidates, name, steps_back(name), suite)

    def series(self) -> list[CaseSeries]:
        """Every case that was planned on each machine."""
        return self.read([], points.known_series)

    def points(self, wanted: Sequence[CaseSeries], newest: int = 0) -> list[tuple[CaseSeries, CasePoint]]:
        """Points by the start of their runs. newest: only this many of each series; 0: all."""
        return self.read([], points.read, wanted, newest)

    def load(self, name: str = "last", suite: str | None = None) -> Run:
        """A run by `last` (the newest complete one, of this suite where one is given), `last~1`, its id, a tag, the
        start of its uuid, or the path of an exported file.

        Raises HarnessError, listing the runs there are, where none matches.
        """
        return self.load_identified(name, suite)[0]

    def load_identified(self, name: str = "last", suite: str | None = None) -> tuple[Run, str]:
        """The run, with its uuid, which it keeps on every machine. A file's run is named after the file: its number is
        that of another store."""
        if is_file(name):
            run, identity = read_exported(Path(name))
            return msgspec.structs.replace(run, id=Path(name).name), identity
        if name.isdigit() and (known := self.read(None, uuid_of, int(name))) is not None:
            identity, number = known, name
        else:
            found = self._find(name, suite)
            identity, number = found.uuid, found.id
        with self.transaction() as connection:
            return load_run(connection, int(number)), identity

    def _find(self, name: str, suite: str | None) -> Summary:
        try:
            return find(name, self.named(name, suite), self.location, suite)
        except HarnessError:
            return find(name, self.runs(), self.location, suite)  # it says what there is

    def _add(self, table: Table, run_id: str, values: Iterable[Any], **columns: Any) -> None:
        with self.transaction() as connection:
            rows.insert(connection, table, int(run_id), values, **columns)

    def _set(self, run_id: str, **columns: str) -> None:
        with self.transaction() as connection:
            connection.execute(update(tables.runs).where(tables.runs.c.id == int(run_id)).values(**columns))


def url_of(location: str) -> URL:
    """The URL of a file or database; empty: of the default file. Raises HarnessError, without the password, for an
    invalid one."""
    return database.read_url(str(location or DEFAULT_STORE))
