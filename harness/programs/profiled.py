"""The traces of a program's ranks, to one run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.errors import CaseFailed, HarnessError
from harness.programs.place import Place
from harness.programs.told import Told
from harness.programs.window import Window
from harness.programs.words import PythonProgram
from harness.ranks.heads import read_head
from harness.ranks.job import Found, read_job
from harness.ranks.recognise import Ranks
from harness.store.writer import this_command
from harness.trace import breakdown, load_rules
from harness.trace.inputs.members import TraceFile
from harness.trace.selection import Selection
from harness.values.profile import Profile
from harness.values.program import Program
from harness.values.run import Run

WHOLE = Window()
STARTED_AS = "RANK and WORLD_SIZE of their processes"


def profiled_run(
    program: PythonProgram, place: Place, told: Mapping[int, Told], whole: bool, note: str, window: Window = WHOLE
) -> Run:
    """Return the run. whole: it was not interrupted. Raises CaseFailed where no rank left a readable trace."""
    failed = {rank: said.failure for rank, said in told.items() if said.failure}
    profiles: tuple[Profile, ...] = ()
    found: Found | None = None
    if place.world_size == 1:
        profiles = (_alone(place, failed, window),)
    else:
        found = _job(place, told, failed)
        profiles = tuple(
            msgspec.structs.replace(profile, arm=f"rank {row.rank}")
            for row, profile in zip(found.job.ranks, found.profiles, strict=True)
        )
    text = "" if program.module else Path(program.target).read_text(encoding="utf-8", errors="replace")
    key = hashlib.sha256(text.encode()).hexdigest() if text else ""
    return Run(
        id="",
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        suite=program.name,
        suite_hash=key,
        title=" ".join(program.words),
        state="complete" if whole and not failed else "partial",
        command=this_command(),
        note=note,
        environment=next((said.environment for said in told.values() if said.environment), None),
        profiles=profiles,
        sources={key: text} if text else {},
        program=Program(
            words=program.words,
            world_size=place.world_size,
            job=found.job if found else None,
            lines=found.lines if found else (),
            failed=dict(sorted(failed.items())),
            window="" if window.whole else str(window),
            processes=sum(said.children for said in told.values()),
            lost={pid: why for said in told.values() for pid, why in said.lost.items()},
        ),
    )


def _alone(place: Place, failed: Mapping[int, str], window: Window) -> Profile:
    """The profile of a single rank. With a named range, only its calls count: between them the profiler goes on."""
    trace = place.trace(0)
    if not trace.exists():
        raise CaseFailed(failed.get(0) or "no trace: the script ended without writing one")
    try:
        return breakdown(trace, load_rules(), selection=Selection(first=window.after) if window.name else Selection())
    except HarnessError as error:
        raise CaseFailed(str(error).removeprefix(f"{trace}: ")) from error


def _job(place: Place, told: Mapping[int, Told], failed: dict[int, str]) -> Found:
    """The job of the ranks whose traces can be read; the reasons of the others are added to `failed`."""
    there = [rank for rank in told if place.trace(rank).exists()]
    try:
        return read_job(_ranks(place, there))
    except HarnessError:
        readable = [rank for rank in there if _readable(place, rank, failed)]
        if not readable:
            raise CaseFailed("; ".join(f"rank {rank}: {why}" for rank, why in sorted(failed.items()))) from None
        return read_job(_ranks(place, readable))


def _readable(place: Place, rank: int, failed: dict[int, str]) -> bool:
    try:
        breakdown(place.trace(rank), load_rules())
    except HarnessError as error:
        why = str(error).removeprefix(f"{place.trace(rank)}: ")
        failed[rank] = "; ".join(filter(None, (failed.get(rank, ""), why)))
        return False
    return True


def _ranks(place: Place, numbers: list[int]) -> Ranks:
    if not numbers:
        raise HarnessError("no rank left a trace")
    heads = [
        msgspec.structs.replace(read_head(place.trace(rank)), rank=rank, world_size=place.world_size)
        for rank in numbers
    ]
    files = [TraceFile(place.trace(rank), place.trace(rank).name) for rank in numbers]
    return Ranks(tuple(files), tuple(heads), tuple(numbers), STARTED_AS)
