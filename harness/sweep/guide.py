"""Which configuration to try next where not all are tried: neighbours of what is good so far, by one rule without a
model.

A tunable's values are places in their order. Two configurations are neighbours where one tunable is one place further.
A candidate is as promising as the best that was timed within two steps of it, less the steps: in replays of stored
sweeps that found what a fitted surface found, without a library and without a parameter to fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from operator import sub

from harness.stats.landscape import median_us
from harness.values.case import Case
from harness.values.sweep import Configuration

SEEDS = 8
"""Configurations far from each other that are tried first."""
ENOUGH = 48
"""Distinct configurations of a question that are tried before a search may end. Of 120 replays of stored sweeps, all
had at most 1 % of regret with 48; 98 % with 36, 95 % with 28, 93 % with 20."""
WITHIN = 2
STEP = 0.1
"""Of log time, for each step away from what was timed."""
BEYOND = 10.0
"""Of log time: what is farther than `WITHIN` from all that is good comes last."""
FROM_GOOD = 12
"""Of the fastest so far, those whose neighbours are looked at."""
SURROUNDED = 3
"""Of the fastest so far, those whose neighbours must all have been tried before a search may end."""

Place = tuple[int, ...]
NONE: frozenset[int] = frozenset()


class Guide:
    """Of one question. cases: all its configurations. cost: what compiling each may take, in any unit: the dearest
    quarter is not among the first."""

    def __init__(self, cases: Sequence[Case], cost: Sequence[float]) -> None:
        self.cases = cases
        self.names = tuple(dict.fromkeys(name for case in cases for name in case.tunables))
        ranks = [_ranks([case.tunables.get(name) for case in cases]) for name in self.names]
        self.places: list[Place] = list(zip(*ranks, strict=True)) if ranks else [() for _ in cases]
        self._spans = [max(1, *found) for found in ranks]
        self._cost = cost
        self._projected: dict[frozenset[int], list[Place]] = {}
        self._numbers = {case.id: i for i, case in enumerate(cases)}

    def next(self, rows: Mapping[str, Configuration], asked: Collection[str], count: int) -> list[Case]:
        """At most `count` cases that are neither known nor asked, best first; empty where the search is at its end.
        rows: what is known, by case id."""
        known = {i: rows[case.id] for i, case in enumerate(self.cases) if case.id in rows}
        given = {i for i, case in enumerate(self.cases) if i in known or case.id in asked}
        times = {i: us for i, row in known.items() if math.isfinite(us := median_us(row))}
        if len(given) < SEEDS or not times:
            seeds = [i for i in self._seeds() if i not in given]
            others = [i for i in range(len(self.cases)) if i not in given and i not in seeds]
            return [self.cases[i] for i in (seeds + (others if not seeds and len(known) == len(given) else []))[:count]]
        idle = self.idle(rows)
        tried = {self.seen(i, idle) for i in given}
        left = [i for i in range(len(self.cases)) if i not in given and self.seen(i, idle) not in tried]
        ranked = sorted(times, key=lambda i: (times[i], i))
        good = _one_each(ranked, lambda i: self.seen(i, idle), FROM_GOOD)
        if len({self.seen(i, idle) for i in known}) >= ENOUGH:
            near = good[:SURROUNDED]
            left = [i for i in left if any(self._steps(i, j, idle) == 1 for j in near)]
        order = sorted(left, key=lambda i: (self._promise(i, good, times, idle), self._cost[i], i))
        return [self.cases[i] for i in _one_each(order, lambda i: self.seen(i, idle), count)]

    def idle(self, rows: Mapping[str, Configuration]) -> frozenset[int]:
        """Tunables, by number, that changed nothing wherever two configurations that differ in them alone were
        compiled: at least once, and never otherwise."""
        found = []
        compiled = [(self.places[i], rows[c.id].identity) for i, c in enumerate(self.cases) if c.id in rows]
        for k in range(len(self.names)):
            groups: dict[Place, list[str | None]] = {}
            for place, identity in compiled:
                if identity is not None:
                    groups.setdefault((*place[:k], *place[k + 1 :]), []).append(identity)
            several = [group for group in groups.values() if len(group) > 1]
            if several and all(len(set(group)) == 1 for group in several):
                found.append(k)
        return frozenset(found)

    def near(self, cases: Sequence[Case]) -> list[Case]:
        """The neighbours of these that are none of them."""
        chosen = [self.number(case) for case in cases]
        one_step = (
            i for i in range(len(self.cases)) if i not in chosen and any(self._steps(i, j, NONE) == 1 for j in chosen)
        )
        return [self.cases[i] for i in one_step]

    def _seeds(self) -> list[int]:
        """The one in the middle, then whichever is farthest from those before it."""
        limit = sorted(self._cost)[(3 * len(self._cost)) // 4]
        cheap = [i for i in range(len(self.cases)) if self._cost[i] <= limit]
        chosen = [min(cheap, key=lambda i: (sum((u - 0.5) ** 2 for u in self._unit(i)), i))]
        while len(chosen) < min(SEEDS, len(cheap)):
            rest = (i for i in cheap if i not in chosen)
            chosen.append(max(rest, key=lambda i: (min(self._apart(i, j) for j in chosen), -i)))
        return chosen

    def _unit(self, i: int) -> list[float]:
        return [rank / span for rank, span in zip(self.places[i], self._spans, strict=True)]

    def _apart(self, i: int, j: int) -> float:
        return sum((a - b) ** 2 for a, b in zip(self._unit(i), self._unit(j), strict=True))

    def number(self, case: Case) -> int:
        return self._numbers[case.id]

    def seen(self, i: int, idle: frozenset[int]) -> Place:
        """Where a case is, but for the tunables that change nothing."""
        if idle not in self._projected:
            kept = [k for k in range(len(self.names)) if k not in idle]
            self._projected[idle] = [tuple(place[k] for k in kept) for place in self.places]
        return self._projected[idle][i]

    def _steps(self, i: int, j: int, idle: frozenset[int]) -> int:
        return sum(map(abs, map(sub, self.seen(i, idle), self.seen(j, idle))))

    def _promise(self, i: int, good: Sequence[int], times: Mapping[int, float], idle: frozenset[int]) -> float:
        """In log time, the least first."""
        steps = [(self._steps(i, j, idle), math.log(times[j])) for j in good]
        return min(log + STEP * (n - 1) + (BEYOND if n > WITHIN else 0.0) for n, log in steps)


def _ranks(values: Sequence[object]) -> list[int]:
    """Of each value: numbers by size, anything else as it comes."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) for value in distinct):
        distinct.sort()
    return [distinct.index(value) for value in values]


def _one_each(order: Sequence[int], kind: Callable[[int], Hashable], count: int) -> list[int]:
    """The first of each kind."""
    found: dict[Hashable, int] = {}
    for i in order:
        found.setdefault(kind(i), i)
        if len(found) == count:
            break
    return list(found.values())
