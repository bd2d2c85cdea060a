"""Lasting offsets: the permanent difference between identical code in two worktrees, which no number of pairs averages
out.

An offset has a part that all cases of a comparison share and a part of each case's own. Calibration estimates the
standard deviation of both from several pairs of worktrees; a comparison allows for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.stats.students_t import quantile
from harness.values.pairing import Noise

LEAST_WORKTREES = 4
"""Pairs of worktrees from which offsets are estimated."""
SHUFFLES = 400
CHANCE = 0.02
"""A common offset as large as the observed one must be rarer than this among the same pairs dealt out at random.
Otherwise it widens no margin."""
CHANCE_OF_OWN = 0.01
"""The same limit for the cases' own offsets, for which far more figures are evidence."""
CHANCE_OF_UNEQUAL = 0.02
"""If the sizes of the cases' own offsets differ by more than this chance allows, each case is treated separately."""
MOVED_ERROR = 0.01
"""Chance that an offset of any case exceeds the allowance of FASTER and SLOWER. Half of these would be in the wrong
direction."""
SAME_ERROR = 0.025
"""Chance, per case and side, that it exceeds the allowance of SAME."""


@dataclass(frozen=True)
class Allowance:
    """As log ratios."""

    moved: float = 0.0
    """A difference must exceed it."""
    same: float = 0.0
    """Half-width added in quadrature to the interval of SAME."""


NONE = Allowance()


def allowance(noise: Noise, case: str, family: int) -> Allowance:
    """The allowance for a case in a family of that many cases. A case without calibration is treated like the
    others."""
    worktrees = max(1, noise.worktree_pairs)
    own, degrees = _own(noise, case)
    common = noise.offset if noise.offset_chance <= CHANCE else 0.0
    moved = math.hypot(
        quantile(1 - MOVED_ERROR / 2, worktrees) * common, quantile(1 - MOVED_ERROR / 2 / max(1, family), degrees) * own
    )
    same = math.hypot(quantile(1 - SAME_ERROR, worktrees) * noise.offset, quantile(1 - SAME_ERROR, degrees) * own)
    return Allowance(moved, same)


def _own(noise: Noise, case: str) -> tuple[float, int]:
    known = [noise.cases[case]] if case in noise.cases else list(noise.cases.values())
    known = [other for other in known if other.offset_degrees]
    if not known:
        return 0.0, 1
    mean = sum(other.offset**2 for other in known) / len(known)
    return math.sqrt(mean), min(other.offset_degrees for other in known)


@dataclass(frozen=True)
class Offsets:
    """common: standard deviation of the shared part, with the chance that equal worktrees show as much. own: of each
    case, with its degrees of freedom."""

    common: float
    chance: float
    own: tuple[float, ...]
    degrees: tuple[int, ...]


NO_OFFSETS = Offsets(0.0, 1.0, (), ())


def estimate_offsets(table: Sequence[Sequence[Sequence[float]]], orders: Sequence[bool]) -> Offsets:
    """Estimate the offsets. table: by case and pair of worktrees, the log ratios of the pairs, less the effect of the
    order.

    All cases come from the same processes, so their groups have the same sizes. orders: of all pairs, whether head ran
    first.
    """
    import numpy as np

    groups = _Groups([len(group) for group in table[0]], orders)
    rows = np.array([[value for group in case for value in group] for case in table]).T
    shared = rows.mean(axis=1, keepdims=True)
    common = groups.variance(shared)
    own, degrees = [0.0] * len(table), [0] * len(table)
    rest = rows - shared
    if len(table) > 1 and groups.chance(rest) <= CHANCE_OF_OWN:
        variances, ratios = groups.variance(rest), groups.ratios(rest)
        unequal = _by_chance_as_unequal(ratios, groups.worktrees, groups.degrees) <= CHANCE_OF_UNEQUAL
        pooled = np.full(len(table), variances.mean())
        own = np.sqrt(np.maximum(0.0, variances if unequal else pooled)).tolist()
        degrees = [groups.worktrees * (1 if unequal else len(table) - 1)] * len(table)
    return Offsets(math.sqrt(max(0.0, float(common[0]))), groups.chance(shared), tuple(own), tuple(degrees))


class _Groups:
    """Pairs, grouped by pair of worktrees. Arrays are [pairs, cases]."""

    def __init__(self, sizes: Sequence[int], orders: Sequence[bool]) -> None:
        import numpy as np

        self._orders = np.array(orders)
        self.sizes, self.worktrees = np.array(sizes)[:, None], len(sizes)
        self.degrees = sum(sizes) - len(sizes) - 1
        """Degrees of the variance within the groups, one less for the effect of the order."""
        self._ends = np.cumsum([0, *sizes[:-1]])

    def _means(self, rows: Any) -> Any:
        import numpy as np

        return np.add.reduceat(rows, self._ends, axis=-2) / self.sizes

    def _between(self, rows: Any) -> Any:
        """Mean square of the groups' means, by case. An offset has no preferred side, so its mean is zero."""
        return (self._means(rows) ** 2).mean(axis=-2)

    def _within(self, rows: Any) -> Any:
        """Variance of a pair within its group, by case."""
        centred = rows - self._means(rows).repeat(self.sizes[:, 0], axis=0)
        return (centred**2).sum(axis=0) / self.degrees

    def _sampling(self, rows: Any) -> Any:
        """The part of the variance of a group's mean that is no offset."""
        return self._within(rows) * (1 / self.sizes).mean()

    def variance(self, rows: Any) -> Any:
        """Variance of the offsets, by case; below zero where the pairs differ by more than their groups."""
        return self._between(rows) - self._sampling(rows)

    def ratios(self, rows: Any) -> Any:
        """Each case's mean square over the value expected if all cases have offsets of one size: about 1."""
        return self._between(rows) / (self._sampling(rows) + max(0.0, self.variance(rows).mean()))

    def chance(self, rows: Any) -> float:
        """Chance of group means as far from zero as these if the pairs are dealt out to the groups at random.

        All cases of a process move together, because their common part makes them agree. Each pair takes the place of a
        pair with the same order, because the effect of the order was estimated from them.
        """
        size = (rows**2).mean(axis=0)  # the same however they are dealt; what is inside of the groups is not
        if not size.all():
            return 1.0
        dealt = (self._between(rows[self._deals()]) / size).mean(axis=-1)
        return float(((self._between(rows) / size).mean() <= dealt).mean())

    def _deals(self) -> Any:
        """[shuffles, pairs] numbers of pairs."""
        import numpy as np

        generator = np.random.default_rng(0)
        found = np.empty((SHUFFLES, len(self._orders)), dtype=int)
        for which in (False, True):
            places = np.flatnonzero(self._orders == which)
            found[:, places] = generator.permuted(np.tile(places, (SHUFFLES, 1)), axis=1)
        return found


def _by_chance_as_unequal(ratios: Any, worktrees: int, degrees: int) -> float:
    """The chance that ratios scatter as much relative to their mean if all cases have offsets of one size."""
    scatter = _scatter(len(ratios), worktrees, degrees)
    return float((scatter >= ratios.std() / ratios.mean()).mean())


@lru_cache
def _scatter(cases: int, worktrees: int, degrees: int) -> Any:
    import numpy as np

    drawn = np.random.default_rng(0).f(worktrees, max(1, degrees), (2000, cases))
    return drawn.std(axis=1) / drawn.mean(axis=1)
