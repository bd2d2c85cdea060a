"""Chooses the next configuration where not all are tried: neighbours of the good ones so far, by one rule without a
model.

A tunable's values are places in their order. Two configurations are neighbours if one tunable differs by one place. The
promise of a candidate is the best time measured within two steps of it, plus a penalty per step. In replays of stored
sweeps this rule found the same configurations as a fitted surface, without a library and without a parameter to fit.
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
"""Distinct configurations of a question that are tried before a search may end. In 120 replays of stored sweeps, 48
gave all of them at most 1 % of regret; 36 gave it to 98 %, 28 to 95 %, 20 to 93 %."""
WITHIN = 2
STEP = 0.1
"""Log time added for each step away from a timed configuration."""
BEYOND = 10.0
"""Log time added beyond `WITHIN` steps from all good ones, which puts such a candidate last."""
FROM_GOOD = 12
"""Number of fastest configurations so far whose neighbours are candidates."""
SURROUNDED = 3
"""Number of fastest configurations so far whose neighbours must all have been tried before a search may end."""

Place = tuple[int, ...]
NONE: frozenset[int] = frozenset()


class Guide:
    """The search of one question. cases: all its configurations. cost: of compiling each, in any unit; the dearest
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
        """Return at most `count` cases without a row that are not in `asked`, best first; empty at the search's end.
        rows: known results, by case id."""
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
        """Indices of tunables that change no code: compiled configurations that differ in this tunable alone, of which
        there is at least one pair, always have the same identity."""
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
        """The neighbours of these cases that are not among them."""
        chosen = [self.number(case) for case in cases]
        one_step = (
            i for i in range(len(self.cases)) if i not in chosen and any(self._steps(i, j, NONE) == 1 for j in chosen)
        )
        return [self.cases[i] for i in one_step]

    def _seeds(self) -> list[int]:
        """The middle configuration, then each time the one farthest from those before it."""
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
        """The place of a case, without the tunables that change nothing."""
        if idle not in self._projected:
            kept = [k for k in range(len(self.names)) if k not in idle]
            self._projected[idle] = [tuple(place[k] for k in kept) for place in self.places]
        return self._projected[idle][i]

    def _steps(self, i: int, j: int, idle: frozenset[int]) -> int:
        return sum(map(abs, map(sub, self.seen(i, idle), self.seen(j, idle))))

    def _promise(self, i: int, good: Sequence[int], times: Mapping[int, float], idle: frozenset[int]) -> float:
        """The promise of a candidate in log time; the least is the best."""
        steps = [(self._steps(i, j, idle), math.log(times[j])) for j in good]
        return min(log + STEP * (n - 1) + (BEYOND if n > WITHIN else 0.0) for n, log in steps)


def _ranks(values: Sequence[object]) -> list[int]:
    """The rank of each value: numbers by size, others in order of appearance."""
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
