"""Rows of the store to values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, distinct, func, select

from harness.store import tables
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


class _Planned(msgspec.Struct):
    same_as: str | None = None


class _Pairing(msgspec.Struct):
    comparison: str
    side: str
    purpose: str


class Header(msgspec.Struct):
    """What a list shows of a run; of its plan only what is to be counted."""

    note: str = ""
    environment: Environment | None = None
    planned: tuple[_Planned, ...] = ()
    pairing: _Pairing | None = None


def summaries(connection: Connection) -> list[Summary]:
    """All runs, oldest first."""
    m = tables.measurements.c
    counts: dict[int, int] = {
        row[0]: row[1] for row in connection.execute(select(m.run, func.count(distinct(m.case_id))).group_by(m.run))
    }
    rows = connection.execute(select(tables.runs).order_by(tables.runs.c.id)).all()
    return [_summary(row, counts.get(row.id, 0)) for row in rows]


def environments(connection: Connection) -> list[Environment]:
    """Of the runs that have one, oldest first."""
    headers = connection.execute(select(tables.runs.c.header).order_by(tables.runs.c.id)).scalars()
    return [found for found in (decode(header, Header).environment for header in headers) if found is not None]


def uuid_of(connection: Connection, run_id: int) -> str | None:
    """Of a run by its number; None where there is none."""
    if run_id >= 2**63:
        return None
    found = connection.execute(select(tables.runs.c.uuid).where(tables.runs.c.id == run_id)).scalar()
    return None if found is None else str(found)


def load_run(connection: Connection, run_id: int) -> Run:
    """One run, the measurements of each case put together over its processes."""
    row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).one()

    def rows(table: Table) -> Sequence[Row[Any]]:
        return connection.execute(select(table).where(table.c.run == run_id).order_by(table.c.row)).all()

    measured = [decode(m.body, Measurement) for m in rows(tables.measurements)]
    header = decode(row.header, Run)
    slots = tuple(decode(s.body, Slot) for s in rows(tables.slots))
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
        sources={s.hash: decode(s.body, str) for s in rows(tables.sources)},
        streams={s.name: decode(s.body, list[int]) for s in rows(tables.streams)},
        slots=slots,
        processes=len(timed) if header.pairing else header.processes,
    )
    return upgraded(run)


def _summary(row: Row[Any], measured: int) -> Summary:
    header = decode(row.header, Header)
    device = header.environment.device_name if header.environment else ""
    return Summary(
        id=str(row.id),
        uuid=row.uuid,
        started=row.started,
        suite=row.suite,
        state=_state(row),
        note=header.note,
        tags=_tags(row),
        cases=sum(case.same_as is None for case in header.planned),
        measured=measured,
        device=device,
        purpose=header.pairing.purpose if header.pairing else "",
        comparison=header.pairing.comparison if header.pairing else "",
    )


def _state(row: Row[Any]) -> str:
    return "partial" if row.state == "running" and not is_alive(row.writer) else str(row.state)


def _tags(row: Row[Any]) -> tuple[str, ...]:
    return tuple(tag for tag in row.tags.split(",") if tag)
