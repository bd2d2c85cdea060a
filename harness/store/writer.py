"""The writer of a run and the run's first facts, so that a reader can tell a running run from one whose writer was
killed."""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from harness.secrets import masked
from harness.values.environment import Environment
from harness.values.run import Run, facts_of
from harness.values.suite import Suite

PROC = Path("/proc")
COMPILERS = "compilers"
"""Purpose of a run that `harness compilers` keeps."""


def this_writer() -> str:
    """`host|boot|pid|start`: boot and start time tell the process from a later one with the same number."""
    return "|".join((socket.gethostname(), _boot(), str(os.getpid()), _start_of(os.getpid()) or ""))


def this_command() -> str:
    """The command line as given, without the password of a store: it appears in reports and exports."""
    return shlex.join(["harness", *map(masked, sys.argv[1:])])


def new_run(suite: Suite, environment: Environment, processes: int, note: str) -> Run:
    """A run of this command at its begin: nothing planned, nothing measured."""
    return Run(
        id="",
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        suite=suite.name,
        suite_hash=hashlib.sha256(suite.text.encode()).hexdigest(),
        title=suite.title,
        state="running",
        command=this_command(),
        note=note,
        processes=processes,
        environment=environment,
        suite_facts=facts_of(suite),
    )


def listed(run: Run) -> dict[str, str | int]:
    """The columns that lists show of a run, besides those that every run has."""
    return {
        "note": run.note,
        "device": run.environment.device_name if run.environment else "",
        "cases": sum(case.same_as is None for case in run.planned),
        "purpose": run.pairing.purpose if run.pairing else COMPILERS if run.matrix else "",
        "comparison": run.pairing.comparison if run.pairing else "",
    }


def is_alive(writer: str) -> bool:
    """Whether the writer still runs. A writer on another host counts as running, since it cannot be checked from
    here."""
    host, *there = writer.split("|")
    if host != socket.gethostname():
        return True
    if len(there) != 3 or there[0] != _boot() or not there[1].isdigit():
        return False
    return _start_of(int(there[1])) == there[2]


def _boot() -> str:
    """The boot id of the running kernel; empty where the system does not give one."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """Start time in clock ticks since boot (proc(5), field 22 of stat). Empty where the system does not give it; None
    where no such process runs. A zombie does not run: its parent has only not collected its exit status."""
    if not (PROC / "self/stat").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return ""
        return ""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
