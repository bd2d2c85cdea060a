"""Find a rank that takes slightly longer before every collective, despite the noise of a machine that does other work.

Between two collectives each rank works for a time of its own, measured by its own clock: from its end of one to its
start of the next. The difference of these times between ranks needs no alignment of clocks. An interruption of one rank
moves a few differences and not their median. The differences are taken in successive blocks, since noise comes in
phases: the interval lies between order statistics of the blocks' medians.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from harness.ranks.match import Match
from harness.ranks.timeline import StoredTimeline
from harness.values.ranks import Kind, Steady

BLOCKS = 20
OUTER = 3
"""Block medians outside of the interval on each side: it holds the median of 20 independent ones in 99.74 % (binomial:
1 - 2 P(X <= 3))."""
LEAST = 5 * BLOCKS
"""Fewest stretches between collectives for a result."""
MOST = 4000
"""Most stretches to examine, spread over all."""
FLOOR_NS = 10_000
"""Equal ranks differ by less: up to 7.5 us, in 26 runs of two over gloo on two cores under a load of 15."""


class Stretch(NamedTuple):
    """The time between a collective and the next one that every rank has."""

    before: Match
    after: Match

    def span(self, rank: int) -> tuple[int, int]:
        return self.before.on[rank].end_ns, self.after.on[rank].start_ns

    def ns(self, rank: int) -> int:
        start_ns, end_ns = self.span(rank)
        return end_ns - start_ns


class Interval(NamedTuple):
    middle_ns: int
    low_ns: int
    high_ns: int


def steady(matches: Sequence[Match], timelines: Mapping[int, StoredTimeline]) -> tuple[Steady, ...]:
    """The rank that takes longest before a collective, by kind of the collective in which the others wait."""
    ranks = sorted(timelines)
    found = []
    for kind, stretches in _by_kind(matches, ranks).items():
        if len(stretches) < LEAST:
            continue
        stretches = stretches[:: -(-len(stretches) // MOST)]
        against = {rank: _usual(stretches, rank, ranks) for rank in ranks}
        excess = {
            rank: _interval([one.ns(rank) - one.ns(other) for one in stretches]) for rank, other in against.items()
        }
        rank = max(ranks, key=lambda rank: excess[rank].middle_ns)
        late = excess[rank].low_ns > FLOOR_NS
        cause, why = _cause(stretches, rank, against[rank], timelines) if late else ("", Interval(0, 0, 0))
        found.append(Steady(kind, rank, len(stretches), *excess[rank], late, cause, *why))
    return tuple(sorted(found, key=lambda row: (not row.late, -row.later_ns, row.kind)))


def _by_kind(matches: Iterable[Match], ranks: Sequence[int]) -> dict[Kind, list[Stretch]]:
    """Stretches between collectives that all ranks have."""
    found: dict[Kind, list[Stretch]] = defaultdict(list)
    before: Match | None = None
    for match in matches:
        if len(match.on) != len(ranks):
            before = None
            continue
        if before is not None:
            found[match.kind].append(Stretch(before, match))
        before = match
    return found


def _usual(stretches: Sequence[Stretch], rank: int, ranks: Sequence[int]) -> int:
    """The middle one of the other ranks. The comparison is with one rank, not with the median of several: the
    difference of two equal ranks is as often above zero as below, however skewed their noise is."""
    others = [other for other in ranks if other != rank]
    others.sort(key=lambda other: median(one.ns(other) for one in stretches))
    return others[len(others) // 2]


def _interval(differences: Sequence[int]) -> Interval:
    count = len(differences)
    medians = sorted(
        round(median(differences[at * count // BLOCKS : (at + 1) * count // BLOCKS])) for at in range(BLOCKS)
    )
    return Interval(round(median(medians)), medians[OUTER], medians[-1 - OUTER])


def _cause(
    stretches: Sequence[Stretch], rank: int, other: int, timelines: Mapping[int, StoredTimeline]
) -> tuple[str, Interval]:
    """The activity with the largest steady excess over the other rank; "" where none is certain."""
    ours, theirs = ([timelines[of].within(*one.span(of)) for one in stretches] for of in (rank, other))
    found = {
        label: _interval([a.get(label, 0) - b.get(label, 0) for a, b in zip(ours, theirs, strict=True)])
        for label in {label for row in ours for label in row}
    }
    sure = {label: interval for label, interval in found.items() if interval.low_ns > 0}
    return max(sure.items(), key=lambda item: item[1].middle_ns, default=("", Interval(0, 0, 0)))
