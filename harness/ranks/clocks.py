"""Clocks of ranks against each other: a collective that waits for all ranks ends everywhere at about the same moment.

Each rank's clock gets an offset, the median difference of those ends to ranks that are aligned already, and a drift
where that explains the differences markedly better. The remaining difference is the error, and is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.ranks.collectives import SYNCHRONISING
from harness.ranks.match import Match
from harness.ranks.rank_trace import Instance
from harness.values.ranks import ClockFit

LEAST_FOR_DRIFT = 20
"""Pairs; with fewer, a slope is noise."""
MOST_PAIRS = 4000
BETTER = 0.75
"""A drift must bring the median error below this part of the error without one."""


@dataclass(frozen=True)
class Clock:
    """A rank's clock relative to the first rank's. offset at `since_ns`."""

    fit: ClockFit
    since_ns: int = 0

    def at(self, local_ns: int) -> int:
        """Convert a time of the rank's own clock to the common clock."""
        drift_ns = round((local_ns - self.since_ns) * self.fit.drift_ppm / 1e6) if self.fit.drift_ppm else 0
        return local_ns + self.fit.offset_ns + drift_ns

    def span(self, one: Instance) -> tuple[int, int]:
        """Start and end by the common clock; the duration stays as measured."""
        start_ns = self.at(one.start_ns)
        return start_ns, start_ns + one.end_ns - one.start_ns


def aligned(ranks: Sequence[int], matches: Iterable[Match]) -> dict[int, Clock]:
    """A clock for each rank, starting with the ranks that share most collectives with the ranks aligned already."""
    rows = _spread([match for match in matches if match.kind.type in SYNCHRONISING])
    clocks = {ranks[0]: Clock(ClockFit(ranks[0], 0, 0.0, 0, 0, 0))}
    left = list(ranks[1:])
    while left:
        shared = {rank: [row for row in rows if rank in row.on and row.on.keys() & clocks.keys()] for rank in left}
        rank = max(left, key=lambda rank: len(shared[rank]))
        left.remove(rank)
        clocks[rank] = _clock(rank, [_pair(row, rank, clocks) for row in shared[rank]])
    return {rank: clocks[rank] for rank in ranks}


def _spread(rows: Sequence[Match]) -> Sequence[Match]:
    """As many rows as needed, spread over the whole time."""
    return rows[:: -(-len(rows) // MOST_PAIRS) or 1]


def _pair(row: Match, rank: int, clocks: Mapping[int, Clock]) -> tuple[int, int]:
    """(end by the rank's clock, correction to add to it)."""
    ends = [clocks[other].span(one)[1] for other, one in row.on.items() if other in clocks]
    end_ns = row.on[rank].end_ns
    return end_ns, round(median(ends)) - end_ns


def _clock(rank: int, pairs: Sequence[tuple[int, int]]) -> Clock:
    if not pairs:
        return Clock(ClockFit(rank, 0, 0.0, 0, 0, 0))
    since_ns = pairs[0][0]
    plain = _fit(rank, since_ns, pairs, 0.0)
    if len(pairs) < LEAST_FOR_DRIFT:
        return plain
    drifting = _fit(rank, since_ns, pairs, _slope(pairs))
    return drifting if drifting.fit.error_ns < BETTER * plain.fit.error_ns else plain


def _slope(pairs: Sequence[tuple[int, int]]) -> float:
    """Slope in ns per ns: the median of slopes between the first and the second half (Theil and Sen, by pairs that are
    half of the trace apart)."""
    half = len(pairs) // 2
    both = zip(pairs[:half], pairs[half:], strict=False)
    return median((b[1] - a[1]) / (b[0] - a[0]) for a, b in both if b[0] != a[0])


def _fit(rank: int, since_ns: int, pairs: Sequence[tuple[int, int]], slope: float) -> Clock:
    offset_ns = round(median(add - slope * (at - since_ns) for at, add in pairs))
    errors = sorted(abs(add - slope * (at - since_ns) - offset_ns) for at, add in pairs)
    worst = errors[min(len(errors) - 1, int(0.95 * len(errors)))]
    return Clock(ClockFit(rank, offset_ns, slope * 1e6, len(pairs), round(median(errors)), round(worst)), since_ns)
