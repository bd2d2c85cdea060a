"""A collective's time on each rank, split exactly: waiting until the last rank came, then transfer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.ranks.clocks import Clock
from harness.ranks.collectives import SEND, bus_factor
from harness.ranks.match import Match
from harness.ranks.rank_trace import Instance
from harness.values.ranks import Calls, Kind


@dataclass(frozen=True)
class Wait:
    """The waiting of ranks for the last one in a collective."""

    match: Match
    last: int
    """The rank that came last, at `last_ns`."""
    last_ns: int
    late_ns: int
    """The time for which it alone was missing."""
    waits: Mapping[int, int]
    """Waiting time by rank, ns."""
    totals: Mapping[int, int]
    """Total time by rank, ns."""
    ended_ns: int
    """The last end of the collective."""

    def before(self, first_ns: int) -> bool:
        """Whether most of the time in which the last rank alone was missing lies before its trace begins, at `first_ns`
        of its own clock: it may have worked, unrecorded."""
        missing_since_ns = self.match.on[self.last].start_ns - self.late_ns
        return 2 * (first_ns - missing_since_ns) > self.late_ns

    @property
    def others_ns(self) -> int:
        """The waiting time of all other ranks, which the last rank caused."""
        return sum(self.waits.values())


def wait_of(match: Match, clocks: Mapping[int, Clock]) -> Wait:
    spans = {rank: clocks[rank].span(one) for rank, one in match.on.items()}
    last = max(spans, key=lambda rank: (spans[rank][0], -rank))
    last_ns = spans[last][0]
    totals = {rank: end_ns - start_ns for rank, (start_ns, end_ns) in spans.items()}
    return Wait(
        match=match,
        last=last,
        last_ns=last_ns,
        late_ns=last_ns - max(start_ns for rank, (start_ns, _) in spans.items() if rank != last),
        waits={rank: _waited(match.on[rank], span, last_ns) for rank, span in spans.items()},
        totals=totals,
        ended_ns=max(end_ns for _, end_ns in spans.values()),
    )


def _waited(one: Instance, span: tuple[int, int], last_ns: int) -> int:
    """The waiting time of a rank, ns. A send that ended before its receiver came had a buffer to write to, and waited
    for nobody."""
    start_ns, end_ns = span
    return 0 if one.kind.type == SEND and end_ns <= last_ns else min(last_ns, end_ns) - start_ns


def calls(waits: Iterable[Wait]) -> tuple[Calls, ...]:
    """Totals by kind, the largest time first."""
    by_kind: dict[Kind, list[Wait]] = defaultdict(list)
    for wait in waits:
        by_kind[wait.match.kind].append(wait)
    rows = [_calls(kind, of_kind) for kind, of_kind in by_kind.items()]
    return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.kind)))


def _calls(kind: Kind, waits: Sequence[Wait]) -> Calls:
    total_ns = sum(ns for wait in waits for ns in wait.totals.values())
    wait_ns = sum(wait.others_ns for wait in waits)
    transferring_ns = sum(max(0, wait.ended_ns - wait.last_ns) for wait in waits)
    size = kind.size or max(len(wait.match.on) for wait in waits)
    algorithm = kind.bytes * len(waits) / transferring_ns if transferring_ns else 0.0
    last = Counter(wait.last for wait in waits)
    return Calls(
        kind=kind,
        count=len(waits),
        total_ns=total_ns,
        wait_ns=wait_ns,
        transfer_ns=total_ns - wait_ns,
        algorithm_gb_s=algorithm,
        bus_gb_s=algorithm * bus_factor(kind.type, size),
        last=dict(sorted(last.items())),
    )
