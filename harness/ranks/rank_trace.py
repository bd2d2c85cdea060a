"""One rank's file to the parts of its job: totals, collectives, and a timeline on disk."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.ranks.collectives import kind_of, kind_of_kernel, peer_of, sequence_of
from harness.ranks.heads import Head
from harness.ranks.timeline import StoredTimeline, Timeline, cpu_timeline, gpu_timeline
from harness.trace.attribute import Attribution
from harness.trace.breakdown import profile_of, read_rows, without_collection
from harness.trace.categories import Rules
from harness.trace.event import Arguments
from harness.trace.rows import KERNEL, NONE, Rows
from harness.values.profile import Profile
from harness.values.ranks import Kind, RankRow


@dataclass(frozen=True)
class Instance:
    """One collective on one rank, by the rank's own clock."""

    start_ns: int
    end_ns: int
    kind: Kind
    sequence: int | None
    """Its number in the group, where known."""
    peer: int | None = None
    """The other end of a send or recv, where torch gives it."""


@dataclass(frozen=True)
class RankTrace:
    """The parts that one rank adds to its job."""

    row: RankRow
    profile: Profile
    instances: tuple[Instance, ...]
    first_ns: int
    """The start of the span."""
    bins: tuple[array[int], ...]
    """The ns of compute, communication and copies in each equal part of the rank's span."""
    timeline: Path
    """The file of the timeline."""
    rows: int
    """Number of rows of the timeline."""
    labels: tuple[str, ...]
    """Labels of the timeline."""

    def stored(self) -> StoredTimeline:
        return StoredTimeline(self.timeline, list(self.labels), self.rows)


def read_rank(path: Path, title: str, head: Head, rank: int, rules: Rules, keep: Path) -> RankTrace:
    """Read one rank. keep: the file that the timeline is written to. Raises HarnessError as `breakdown` does."""
    quality: Counter[str] = Counter()
    with without_collection():
        rows, capture = read_rows(path, quality)
        profile = profile_of(path, rows, capture, rules, 0, quality)
        attribution = Attribution(rows)
        gpu = profile.device == "cuda"
        timeline = gpu_timeline(rows, attribution, rules) if gpu else cpu_timeline(rows, rules)
        found = _gpu_instances(rows, attribution) if gpu else _cpu_instances(rows)
        base_ns = head.base_ns
        instances = tuple(
            Instance(base_ns + start_ns, base_ns + end_ns, kind, sequence, peer)
            for start_ns, end_ns, kind, sequence, peer in sorted(found, key=lambda row: row[:2])
        )
        _shift(timeline, base_ns)
        timeline.write(keep)
    return RankTrace(
        row=_row(rank, title, timeline),
        profile=profile,
        instances=instances,
        first_ns=timeline.start_ns[0],
        bins=timeline.bins(),
        timeline=keep,
        rows=len(timeline.start_ns),
        labels=tuple(timeline.labels),
    )


def _row(rank: int, title: str, timeline: Timeline) -> RankRow:
    return RankRow(
        rank=rank,
        trace=title,
        span_ns=timeline.span_ns,
        compute_ns=timeline.compute.total_ns,
        communication_ns=timeline.communication.total_ns,
        exposed_ns=timeline.exposed_ns,
        copies_ns=timeline.copies_ns,
        idle_ns=timeline.idle_ns,
    )


def _shift(timeline: Timeline, base_ns: int) -> None:
    if base_ns:
        timeline.start_ns = array("q", (base_ns + ns for ns in timeline.start_ns))
        timeline.end_ns = array("q", (base_ns + ns for ns in timeline.end_ns))
        timeline.last_ns += base_ns


Found = tuple[int, int, Kind, int | None, int | None]


def _gpu_instances(rows: Rows, attribution: Attribution) -> Iterator[Found]:
    """Kernels that are collectives: by their own arguments, by the op that called them (torch up to 2.3), by name."""
    gpu, called = rows.gpu, _Called(rows)
    by_name = [kind_of_kernel(name) for name in rows.names]
    for row, (role, name) in enumerate(zip(gpu.role, gpu.name, strict=True)):
        said = rows.said.get(row)
        said = said if said is not None and said.collective is not None else None
        if role != KERNEL or (said is None and by_name[name] is None):
            continue
        launch = attribution.launch[row]
        if said is None and launch != NONE:
            said = called.around(rows.launches.thread[launch], rows.launches.start_ns[launch])
        kind = (kind_of(said) if said else None) or by_name[name]
        if kind is not None:
            start_ns = gpu.start_ns[row]
            known = (sequence_of(said), peer_of(said)) if said else (None, None)
            yield start_ns, start_ns + gpu.duration_ns[row], kind, *known


class _Called:
    """Ops that name the collective that they call, by thread."""

    def __init__(self, rows: Rows) -> None:
        self._ops: dict[int, list[tuple[int, int, Arguments]]] = {}
        for thread, start_ns, end_ns, said in rows.called:
            self._ops.setdefault(thread, []).append((start_ns, end_ns, said))
        for ops in self._ops.values():
            ops.sort(key=lambda op: op[:2])
        self._starts = {thread: [op[0] for op in ops] for thread, ops in self._ops.items()}

    def around(self, thread: int, at_ns: int) -> Arguments | None:
        place = bisect_right(self._starts.get(thread, ()), at_ns) - 1
        if place < 0:
            return None
        _, end_ns, said = self._ops[thread][place]
        return said if at_ns <= end_ns else None


def _cpu_instances(rows: Rows) -> Iterator[Found]:
    """The rows of the threads of gloo or another library: `gloo:all_reduce`."""
    kinds = [kind_of_kernel(name) if ":" in name and "::" not in name else None for name in rows.names]
    for host in rows.threads:
        for start_ns, end_ns, label in zip(host.start_ns, host.end_ns, host.label, strict=True):
            kind = kinds[label >> 1]
            if kind is not None:
                yield start_ns, end_ns, kind, None, None
