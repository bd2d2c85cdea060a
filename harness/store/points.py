"""A row for each case of a finished run, in a series for each machine, so that a history reads no runs.

The read interface, in the store's name:

- `store.series() -> list[CaseSeries]`: every case of every suite on every machine.
- `store.points(wanted, newest=0) -> list[(CaseSeries, CasePoint)]`: points of some series, oldest run first.

`harness.values.point` has both values. A point knows its commit and its `position` on the line of first parents at the
time of its run. A reader with a repository orders by `harness.revisions.git.first_parents` instead, which also lists
the commits on no line. Equal `point.code.fingerprint` (also a column) means the same code for the same question, as
proved by observation. Equal `point.context.key` means that two values may be compared. Times are microseconds.

Rows are written when a run is finished, imported, pushed or migrated. A run whose writer was killed has none until the
next run begins; `points` makes its points from its rows meanwhile. Calibrations have none: they are no history.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from harness.store import contents, tables
from harness.store.machines import machine_of
from harness.store.reading import load_run
from harness.values.case import Case
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement
from harness.values.point import CaseCode, CasePoint, CaseSeries, PointContext
from harness.values.run import Run

KEY = ("suite", "case_id", "machine", "identity")
"""Columns that identify a series."""
CALIBRATE = "calibrate"
"""Purpose of runs that are no history."""


def points_of(run: Run) -> Iterator[tuple[CaseSeries, CasePoint]]:
    """Every case of the run's plan, measured or not."""
    from harness.stats.estimate import estimate_of

    environment = run.environment
    place = (environment.machine, machine_of(environment, run.sniff)) if environment else ("", "")
    shared = msgspec.structs.replace(environment, commit=None, read_gb_s=None) if environment else None
    tree = run.pairing.tree.words if run.pairing else ""
    for case, measurement in run.answered():
        status, reason = (measurement.status.value, measurement.reason) if measurement else run.unmeasured(case)[:2]
        asked = run.observed.asked.get(case.same_as or case.id, "")
        yield (
            CaseSeries(run.suite, _question(case), *place),
            CasePoint(
                run.id, utc(run.started), (environment.commit if environment else None) or "", run.position,
                status, reason, estimate_of(run, measurement) if measurement else None, tree,
                CaseCode(run.closure_of(case), asked, case.answer, _binary(run, case, measurement), case.same_as or ""),
                PointContext(shared, run.suite_facts, case.dims),
            ),
        )  # fmt: skip


def fill(connection: Connection, run_id: int, run: Run) -> None:
    """Write the points of a finished run, in place of earlier ones, and the number of cases that it measured."""
    m, own = tables.measurements.c, tables.runs.c.id == run_id
    count = select(func.count(m.case_id.distinct())).where(m.run == run_id)
    connection.execute(update(tables.runs).where(own).values(measured=count.scalar_subquery()))
    old = tables.points.c.run == run_id
    if connection.execute(select(tables.points.c.row).where(old).limit(1)).first():  # a writer need not delete
        connection.execute(delete(tables.points).where(old))
    if run.pairing is None or run.pairing.purpose != CALIBRATE:
        add(connection, run_id, list(points_of(run)))


def fill_from_rows(connection: Connection, run_id: int) -> None:
    """Write the points of a run from its stored rows."""
    fill(connection, run_id, load_run(connection, run_id))


def add(connection: Connection, run_id: int, found: Collection[tuple[CaseSeries, CasePoint]]) -> None:
    """Add points to one run, whatever id their own run has."""
    bodies = [(tables.encode_sorted(point.code), tables.encode_sorted(point.context)) for _, point in found]
    ids = contents.keep(connection, (body for pair in bodies for body in pair))
    numbers = _keep_series(connection, [series for series, _ in found])
    rows = [
        _row(run_id, numbers[_key(series)], point, ids[code], ids[context])
        for (series, point), (code, context) in zip(found, bodies, strict=True)
    ]
    if rows:
        connection.execute(insert(tables.points), rows)


def all_series(connection: Connection) -> list[tuple[int, CaseSeries]]:
    """The series, each with its number in this store."""
    s = tables.series.c
    rows = connection.execute(select(s.id, s.suite, s.machine, s.identity, s.body).order_by(s.id))
    return [(row.id, CaseSeries(row.suite, tables.decode(row.body, Case), row.machine, row.identity)) for row in rows]


def known_series(connection: Connection) -> list[CaseSeries]:
    """The series of finished runs, and those that only unfinished runs have."""
    found = {_key(series): series for _, series in all_series(connection)}
    for series, _ in _of_unfinished(connection):
        found.setdefault(_key(series), series)
    return list(found.values())


def read(connection: Connection, wanted: Iterable[CaseSeries], newest: int = 0) -> list[tuple[CaseSeries, CasePoint]]:
    """The points of these series, by the start of their runs. newest: only this many of each; 0: all."""
    keys = {_key(series): series for series in wanted}
    numbers = {number: keys[_key(series)] for number, series in all_series(connection) if _key(series) in keys}
    rows: list[Row[Any]] = []
    p = tables.points.c
    for number in numbers:
        chosen = select(tables.points).where(p.series == number).order_by(p.started.desc(), p.run.desc())
        rows += connection.execute(chosen.limit(newest) if newest else chosen).all()
    rows.sort(key=lambda row: row.row)  # of one run in the order of its plan
    shared = _Shared(connection, rows)
    found = [(numbers[row.series], shared.point(row)) for row in rows]
    found += [(keys[_key(s)], point) for s, point in _of_unfinished(connection) if _key(s) in keys]
    found.sort(key=lambda pair: (pair[1].started, int(pair[1].run)))
    return _newest_of_each(found, newest) if newest else found


def unfinished(connection: Connection) -> list[tuple[int, str]]:
    """Number and writer of the runs without points: they still run, or their writer was killed."""
    r = tables.runs.c
    chosen = select(r.id, r.writer).where(r.state == "running", r.purpose != CALIBRATE).order_by(r.id)
    return [(int(number), str(writer)) for number, writer in connection.execute(chosen)]


def _of_unfinished(connection: Connection) -> Iterator[tuple[CaseSeries, CasePoint]]:
    for number, _ in unfinished(connection):
        yield from points_of(load_run(connection, number))


def _newest_of_each(
    found: list[tuple[CaseSeries, CasePoint]], newest: int
) -> list[tuple[CaseSeries, CasePoint]]:  # fmt: skip
    left: dict[Any, int] = {}
    kept = []
    for series, point in reversed(found):
        key = _key(series)
        left[key] = left.get(key, 0) + 1
        if left[key] <= newest:
            kept.append((series, point))
    return kept[::-1]


def numbers_in(reading: Connection, writing: Connection, wanted: Collection[int]) -> dict[int, int]:
    """Map series numbers of one store to numbers in another; missing series are added there."""
    found = {number: series for number, series in all_series(reading) if number in wanted} if wanted else {}
    there = _keep_series(writing, list(found.values()))
    return {number: there[_key(series)] for number, series in found.items()}


_TIME = tuple[float, float, float, float, int, str, str]
_SAID = tuple[int, str, str, int | None, str, str, str]


class _Shared:
    """The code and context of rows, each decoded once."""

    def __init__(self, connection: Connection, rows: Iterable[Row[Any]]) -> None:
        codes, contexts = {row.code for row in rows}, {row.context for row in rows}
        bodies = contents.read(connection, codes | contexts)
        self.codes = {number: tables.decode(bodies[number], CaseCode) for number in codes}
        self.contexts = {number: tables.decode(bodies[number], PointContext) for number in contexts}

    def point(self, row: Row[Any]) -> CasePoint:
        """Raises msgspec.DecodeError for an invalid value: SQLite keeps anything in any column."""
        (run, started, commit, position, status, reason, tree), time = columns(row)
        return CasePoint(
            str(run), started, commit, position, status, reason, time, tree, self.codes[row.code],
            self.contexts[row.context],
        )  # fmt: skip


def columns(row: Row[Any]) -> tuple[_SAID, Estimate | None]:
    """The values of a row beside its shared ones. Raises msgspec.DecodeError for one that no run leaves: SQLite keeps
    anything in any column."""
    said = msgspec.convert(
        (row.run, row.started, row.commit, row.position, row.status, row.reason, row.tree), _SAID
    )  # fmt: skip
    if row.value_us is None:
        return said, None
    found = (row.value_us, row.low_us, row.high_us, row.confidence, row.n, row.level, row.noise)
    time = Estimate(*msgspec.convert(found, _TIME))
    if not (0 < time.value < math.inf):
        raise msgspec.DecodeError(f"a time of {time.value} us")
    return said, time


def _row(run_id: int, series: int, point: CasePoint, code: int, context: int) -> dict[str, Any]:
    time = point.time
    row = {
        "run": run_id, "series": series, "started": point.started, "commit": point.commit, "position": point.position,
        "status": point.status, "reason": point.reason, "tree": point.tree, "fingerprint": point.code.fingerprint,
        "code": code, "context": context,
        "value_us": time.value if time else None, "low_us": time.low if time else None,
        "high_us": time.high if time else None, "confidence": time.confidence if time else None,
        "n": time.n if time else None, "level": time.level if time else "", "noise": time.noise if time else "",
    }  # fmt: skip
    # a reason may hold whatever a kernel printed; PostgreSQL has no NUL, and a measured run is not refused for one
    return {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()}


def _keep_series(connection: Connection, wanted: Collection[CaseSeries]) -> dict[tuple[str, ...], int]:
    keyed = {_key(series): series for series in wanted}
    known = _series_numbers(connection, keyed)
    rows = [
        {**dict(zip(KEY, key, strict=True)), "body": tables.encode(keyed[key].case)}
        for key in sorted(keyed)
        if key not in known
    ]
    contents.insert_new(connection, tables.series, rows)
    return _series_numbers(connection, keyed) if rows else known


def _series_numbers(
    connection: Connection, wanted: Collection[tuple[str, ...]]
) -> dict[tuple[str, ...], int]:  # fmt: skip
    s = tables.series.c
    suites = sorted({key[0] for key in wanted})
    chosen = select(s.suite, s.case_id, s.machine, s.identity, s.id).where(s.suite.in_(suites))
    return {key: row.id for row in connection.execute(chosen) if (key := tuple(row)[:4]) in wanted}


def _key(series: CaseSeries) -> tuple[str, ...]:
    return series.suite, series.case.id, series.machine, series.identity


def _question(case: Case) -> Case:
    """The case without the choices and refusals of a single run."""
    return msgspec.structs.replace(case, same_as=None, problem=None)


def utc(started: str) -> str:
    """The time in UTC, so that times of all zones sort as text; anything else stays unchanged."""
    try:
        at = datetime.fromisoformat(started)
    except ValueError:
        return started
    return started if at.tzinfo in (None, UTC) else at.astimezone(UTC).isoformat(timespec="seconds")


def _binary(run: Run, case: Case, measurement: Measurement | None) -> str:
    """The binary of the decode step of the same arm and axes, or of the site of a kernel case in that step. Empty where
    the run profiled none, or could not read one of them."""
    if measurement is None:
        return ""
    for profile in run.profiles:
        if profile.arm != case.arm or profile.not_read or not profile.binaries:
            continue
        if case.kind == "decode" and profile.axes == case.axes and profile.engine == case.engine:
            chosen = sorted((row.place, row.binary.sha256) for row in profile.binaries)
            return hashlib.sha256(msgspec.json.encode(chosen)).hexdigest()
    return ""
