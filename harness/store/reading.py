"""Rows of the store to values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, distinct, func, or_, select

from harness.errors import HarnessError
from harness.store import contents, tables
from harness.store.merge import merge_measurements
from harness.store.migrate import upgraded
from harness.store.tables import decode
from harness.store.writer import is_alive
from harness.values.environment import Environment
from harness.values.measurement import Conditions, Measurement
from harness.values.pairing import Slot
from harness.values.profile import Profile
from harness.values.run import Run
from harness.values.summary import Summary


class Header(msgspec.Struct):
    """The part of a run's header about the machine."""

    environment: Environment | None = None


NEWEST_ENVIRONMENTS = 50
"""Newest runs whose machines are read; an older machine is measured again."""


def summaries(
    connection: Connection, suite: str | None = None, purpose: str | None = None, newest: int = 0
) -> list[Summary]:  # fmt: skip
    """Summaries of runs, oldest first. newest: only this many; 0: all."""
    r = tables.runs.c
    chosen = select(tables.runs).order_by(r.id.desc())
    if suite is not None:
        chosen = chosen.where(r.suite == suite)
    if purpose is not None:
        chosen = chosen.where(r.purpose == purpose)
    return _summaries(connection, chosen.limit(newest) if newest else chosen)


def candidates(connection: Connection, name: str, steps: int | None, suite: str | None) -> list[Summary]:
    """The runs that a name may select, oldest first. steps: for a name that counts from the last complete run."""
    r = tables.runs.c
    chosen = select(tables.runs).order_by(r.id.desc())
    if steps is not None:
        chosen = chosen.where(r.state == "complete", r.purpose == "").limit(steps + 1)
        return _summaries(connection, chosen if suite is None else chosen.where(r.suite == suite))
    alike = [r.uuid.startswith(name, autoescape=True), r.tags.contains(name, autoescape=True)]
    number = [r.id == int(name)] if name.isdigit() and int(name) < 2**63 else []
    return _summaries(connection, chosen.where(or_(*alike, *number)))


def _summaries(connection: Connection, newest_first: Select[Any]) -> list[Summary]:
    rows = connection.execute(newest_first).all()
    m = tables.measurements.c
    running = [row.id for row in rows if row.state == "running"]
    counting = select(m.run, func.count(distinct(m.case_id))).where(m.run.in_(running)).group_by(m.run)
    counts = {row[0]: row[1] for row in connection.execute(counting)} if running else {}
    return [summary_of(row, counts.get(row.id, row.measured)) for row in reversed(rows)]


def environments(connection: Connection) -> list[Environment]:
    """Environments of the newest runs that have one, oldest first."""
    h = tables.headers.c
    headers = connection.execute(select(h.body).order_by(h.run.desc()).limit(NEWEST_ENVIRONMENTS)).scalars().all()
    return [found for body in reversed(headers) if (found := decode(body, Header).environment) is not None]


def uuid_of(connection: Connection, run_id: int) -> str | None:
    """The uuid of a run by its number; None where there is none."""
    if run_id >= 2**63:
        return None
    found = connection.execute(select(tables.runs.c.uuid).where(tables.runs.c.id == run_id)).scalar()
    return None if found is None else str(found)


def load_run(connection: Connection, run_id: int) -> Run:
    """One run, with the measurements of each case merged over its processes. Raises HarnessError for a pruned run."""
    row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).one()
    if row.state == tables.PRUNED:
        raise HarnessError(f"run {run_id} was pruned: its samples are gone; `harness history` has its values")

    def rows(table: Table) -> Sequence[Row[Any]]:
        return connection.execute(select(table).where(table.c.run == run_id).order_by(table.c.row)).all()

    measured = [decode(m.body, Measurement) for m in rows(tables.measurements)]
    headers = rows(tables.headers)
    if not headers:
        raise msgspec.DecodeError(f"run {run_id} has no header")
    header = decode(headers[0].body, Run)
    slots = tuple(decode(s.body, Slot) for s in rows(tables.slots))
    kept = rows(tables.sources)
    texts = contents.read(connection, (s.content for s in kept))
    timed = {slot.process for slot in slots if slot.process}
    order = {case.id: index for index, case in enumerate(header.planned)}
    run = msgspec.structs.replace(
        header,
        id=str(row.id),
        state=_state(row),
        tags=_tags(row),
        measurements=merge_measurements(measured, order),
        conditions=tuple(decode(c.body, Conditions) for c in rows(tables.conditions)),
        profiles=tuple(decode(p.body, Profile) for p in rows(tables.profiles)),
        sources={s.hash: decode(texts[s.content], str) for s in kept},
        streams={s.name: decode(s.body, list[int]) for s in rows(tables.streams)},
        slots=slots,
        processes=len(timed) if header.pairing else header.processes,
    )
    return upgraded(run)


def summary_of(row: Row[Any], measured: int) -> Summary:
    """A run's row in a list. Raises msgspec.DecodeError for a value of another type."""
    state, tags = _state(row), _tags(row)
    own = {"id": str(row.id), "state": state, "tags": tags, "measured": measured}
    plain = {name: getattr(row, name) for name in Summary.__struct_fields__ if name not in own}
    return msgspec.convert({**plain, **own}, Summary)  # SQLite keeps anything in any column


def _state(row: Row[Any]) -> str:
    msgspec.convert((row.state, row.writer, row.tags), tuple[str, str, str])
    return "partial" if row.state == "running" and not is_alive(row.writer) else str(row.state)


def _tags(row: Row[Any]) -> tuple[str, ...]:
    return tuple(tag for tag in row.tags.split(",") if tag)
