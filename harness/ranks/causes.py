"""The reason why a rank was late: its own activity while it alone was missing, and its excess over the others since the
collective before."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from harness.ranks.clocks import Clock
from harness.ranks.match import Match
from harness.ranks.timeline import StoredTimeline
from harness.ranks.waits import Wait
from harness.values.ranks import NOT_YET, Cause, Late

MOST = 200
"""Late arrivals to explain, the longest waits first: each reads the timelines of all ranks."""


class Explainer:
    """matches: in order of time. timelines: of each rank, by its own clock."""

    def __init__(
        self, matches: Iterable[Match], timelines: Mapping[int, StoredTimeline], clocks: Mapping[int, Clock]
    ) -> None:
        self._timelines, self._clocks = timelines, clocks
        starts: dict[int, list[tuple[int, Match]]] = defaultdict(list)
        for match in matches:
            for rank, one in match.on.items():
                starts[rank].append((one.start_ns, match))
        self._starts = {rank: sorted(rows, key=lambda row: row[0]) for rank, rows in starts.items()}

    def late(self, wait: Wait, job_start_ns: int) -> Late:
        rank, match = wait.last, wait.match
        start_ns = match.on[rank].start_ns
        first_ns = self._timelines[rank].start_ns[0]
        before_ns = min(wait.late_ns, max(0, first_ns - (start_ns - wait.late_ns)))
        doing, doing_ns = _longest(
            {NOT_YET: before_ns} | self._timelines[rank].within(start_ns - wait.late_ns, start_ns)
        )
        cause, excess_ns = (NOT_YET, before_ns) if doing == NOT_YET else self._cause(rank, match)
        at_ns = wait.last_ns - job_start_ns
        return Late(
            match.kind, match.number, at_ns, rank, wait.others_ns, wait.late_ns, doing, doing_ns, cause, excess_ns
        )

    def _cause(self, rank: int, match: Match) -> tuple[str, int]:
        """The activity with the largest excess over the median of the other ranks since all began the collective
        before."""
        before = self._before(rank, match)
        spent = {
            other: self._timelines[other].within(self._since(other, before), one.start_ns)
            for other, one in match.on.items()
            if before is None or other in before.on
        }
        ours = spent.pop(rank)
        if not spent:
            return "", 0
        usual = {label: round(median(other.get(label, 0) for other in spent.values())) for label in ours}
        return _longest({label: ns - usual[label] for label, ns in ours.items()})

    def _before(self, rank: int, match: Match) -> Match | None:
        """The last collective that the rank began before this one and shares with another of its ranks."""
        rows = self._starts[rank]
        at = bisect_left(rows, match.on[rank].start_ns, key=lambda row: row[0])
        return next((found for _, found in reversed(rows[:at]) if found.on.keys() & (match.on.keys() - {rank})), None)

    def _since(self, rank: int, before: Match | None) -> int:
        timeline = self._timelines[rank]
        return before.on[rank].start_ns if before else timeline.start_ns[0]


def explained(waits: Sequence[Wait], explainer: Explainer, job_start_ns: int) -> tuple[Late, ...]:
    """The explanation of the longest waits."""
    longest = sorted(waits, key=lambda wait: (-wait.others_ns, wait.last_ns))[:MOST]
    return tuple(explainer.late(wait, job_start_ns) for wait in longest if wait.others_ns)


def causes(late: Iterable[Late]) -> tuple[Cause, ...]:
    """Causes by rank and activity, the longest waits first."""
    sums: dict[tuple[int, str], list[int]] = {}
    for row in late:
        entry = sums.setdefault((row.rank, row.cause), [0, 0, 0])
        entry[0] += 1
        entry[1] += row.wait_ns
        entry[2] += row.excess_ns
    found = [Cause(rank, cause, *entry) for (rank, cause), entry in sums.items()]
    return tuple(sorted(found, key=lambda row: (-row.held_up_ns, row.rank, row.cause)))


def _longest(sums: Mapping[str, int]) -> tuple[str, int]:
    """The largest above zero."""
    ns, label = max(((ns, label) for label, ns in sums.items() if ns > 0), default=(0, ""))
    return label, ns
