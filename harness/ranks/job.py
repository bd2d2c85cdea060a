"""Traces of ranks to a job: read by several processes, matched, their clocks aligned, waits split and explained."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.ranks.causes import Explainer, causes, explained
from harness.ranks.clocks import Clock, aligned
from harness.ranks.match import matched
from harness.ranks.rank_trace import RankTrace, read_rank
from harness.ranks.recognise import Ranks
from harness.ranks.steady import steady
from harness.ranks.waits import Wait, calls, wait_of
from harness.scratch import Scratch
from harness.trace.categories import load_rules
from harness.values.profile import Profile
from harness.values.ranks import Job, Line, RankRow

MOST_PROCESSES = 3
"""Each process takes some 120 MB for a trace of 500 MB; more would be faster, and together take more than 500 MB."""
SMALL_BYTES = 4_000_000
"""Files up to this total size are read in this process: starting others takes longer."""


@dataclass(frozen=True)
class Found:
    """A job, with additional data for its drawing and the tables of single ranks."""

    job: Job
    profiles: tuple[Profile, ...]
    lines: tuple[Line, ...]


def read_job(ranks: Ranks, categories: Path | None = None) -> Found:
    """Read the ranks of a job. Raises HarnessError where a trace cannot be read, or ranks of a CPU and of a GPU are
    mixed."""
    with Scratch("ranks") as folder:
        traces = _read(ranks, categories, Path(folder))
        kinds = {trace.profile.device for trace in traces}
        if len(kinds) > 1:
            raise HarnessError("ranks: some traces have GPU rows and some have none; they are not of one job")
        return _job(ranks, traces)


def _read(ranks: Ranks, categories: Path | None, folder: Path) -> list[RankTrace]:
    tasks = [
        (file.path, file.title, head, rank, categories, folder / str(rank))
        for rank, file, head in zip(ranks.numbers, ranks.files, ranks.heads, strict=True)
    ]
    size = sum(file.path.stat().st_size for file in ranks.files)
    workers = min(len(tasks), MOST_PROCESSES, len(os.sched_getaffinity(0)))
    if size <= SMALL_BYTES or workers < 2:
        return [_read_one(*task) for task in tasks]
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        return list(pool.map(_read_one, *zip(*tasks, strict=True)))


def _read_one(path: Path, title: str, head: object, rank: int, categories: Path | None, keep: Path) -> RankTrace:
    rules = load_rules(*([categories] if categories else []))
    return read_rank(path, title, head, rank, rules, keep)  # type: ignore[arg-type]  # a Head, by way of pickle


def _job(ranks: Ranks, traces: Sequence[RankTrace]) -> Found:
    by_rank = {trace.row.rank: trace for trace in traces}
    matches, lacking, alone = matched({rank: trace.instances for rank, trace in by_rank.items()})
    clocks = aligned(list(by_rank), matches)
    waits = [wait_of(match, clocks) for match in matches]
    job_start_ns = min(clocks[rank].at(trace.first_ns) for rank, trace in by_rank.items())
    timelines = {rank: trace.stored() for rank, trace in by_rank.items()}
    explainer = Explainer(matches, timelines, clocks)
    late = explained(waits, explainer, job_start_ns)
    begins = {rank: trace.first_ns for rank, trace in by_rank.items()}
    charged = [wait for wait in waits if not wait.before(begins[wait.last])]
    job = Job(
        ranks=tuple(_with_waits(trace.row, waits, charged) for trace in traces),
        clocks=tuple(clock.fit for clock in clocks.values()),
        calls=calls(waits),
        late=late,
        causes=causes(late),
        lacking=lacking,
        world_size=ranks.world_size,
        absent=ranks.absent,
        backend=ranks.backend,
        recognised=ranks.recognised,
        unmatched=alone,
        looked_at=len(late),
        not_charged_ns=sum(wait.others_ns for wait in waits) - sum(wait.others_ns for wait in charged),
        device=traces[0].profile.device,
        steady=steady(matches, timelines),
    )
    lines = tuple(_line(trace, clocks[trace.row.rank], waits, job_start_ns) for trace in traces)
    return Found(job, tuple(trace.profile for trace in traces), lines)


def _with_waits(row: RankRow, waits: Sequence[Wait], charged: Sequence[Wait]) -> RankRow:
    last = [wait for wait in charged if wait.last == row.rank]
    return msgspec.structs.replace(
        row,
        wait_ns=sum(wait.waits.get(row.rank, 0) for wait in waits),
        matched=sum(row.rank in wait.match.on for wait in waits),
        came_last=len(last),
        held_up_ns=sum(wait.others_ns for wait in last),
    )


def _line(trace: RankTrace, clock: Clock, waits: Sequence[Wait], job_start_ns: int) -> Line:
    rank, start_ns = trace.row.rank, clock.at(trace.first_ns) - job_start_ns
    spans = []
    for wait in waits:
        if wait.waits.get(rank):
            from_ns = clock.at(wait.match.on[rank].start_ns) - job_start_ns
            spans.append((from_ns, from_ns + wait.waits[rank]))
    compute, communication, _ = trace.bins
    return Line(
        rank, start_ns, start_ns + trace.row.span_ns, tuple(compute), tuple(communication), tuple(sorted(spans))
    )
