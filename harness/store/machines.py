"""The sniffs of machines before their runs, read without the runs."""

from __future__ import annotations

from sqlalchemy import Connection, select

from harness.store import tables
from harness.store.tables import decode
from harness.values.environment import Environment
from harness.values.machine import Sniff, Sniffed
from harness.values.run import Run

SETTINGS = ("driver", "power_limit_w", "clocks_policy", "torch", "threads", "method")
"""Fields of an environment, beside the VBIOS, that give the same machine another usual speed."""


def machine_of(environment: Environment, sniff: Sniff | None) -> str:
    """The identity of a machine: a GPU's UUID, or a CPU with the host that a sniff names."""
    return environment.device_uuid or (f"{environment.cpu} at {sniff.host}" if sniff else "")


def sniffed(run: Run, identity: str, environment: Environment, sniff: Sniff) -> Sniffed:
    """A run's sniff of its machine. identity: of the run."""
    settings = (*(str(getattr(environment, name)) for name in SETTINGS), str(sniff.vbios))
    return Sniffed(machine_of(environment, sniff), environment.machine, run.started, identity, settings, sniff)


def sniffs(connection: Connection, machine: str | None, last: int | None) -> list[Sniffed]:
    """Implements `Store.sniffs`."""
    wanted = select(tables.sniffs.c.body).order_by(tables.sniffs.c.row.desc())
    if machine is not None:
        wanted = wanted.where(tables.sniffs.c.machine == machine)
    if last is not None:
        wanted = wanted.limit(last)
    found = [decode(body, Sniffed) for body in connection.execute(wanted).scalars()]
    found.reverse()  # of one second, the order in which they came
    return sorted(found, key=lambda look: look.started)


def sniff_of(connection: Connection, run_id: int) -> Sniffed | None:
    """Implements `Store.sniff_of`."""
    body = connection.execute(select(tables.sniffs.c.body).where(tables.sniffs.c.run == run_id)).scalar()
    return None if body is None else decode(body, Sniffed)
