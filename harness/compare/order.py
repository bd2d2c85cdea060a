"""Which side of a pair runs first: the draw, and whether the pairs so far can separate a change from their order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from harness.compare.policy import LOOKS

COVARIATE_FROM = 8
"""Pairs from which the order is a covariate of the change. With fewer, the fit could be chance, where a disturbance
every few processes hits the pairs of one order alone: simulated, 3 % of suites against 1 %."""
LEAST_OF_EITHER = 3
"""Pairs of the rarer order that the covariate needs. One would be fitted exactly, outlier or not. Two that were both
hit by something rare would leave no trace either."""


class Orders:
    """The order of each pair of a comparison, drawn from a seed, for each stage separately. pairs: the fixed number of
    a calibration, in half of which either side is first."""

    def __init__(self, seed: int, pairs: int | None = None) -> None:
        self._seed, self._pairs = seed, pairs
        self._drawn: dict[str, list[bool]] = {}
        self._coins: dict[str, random.Random] = {}

    def head_first(self, stage: str, pair: int) -> bool:
        """Whether head runs first in the pair with this number, from 0. The answer is always the same, so that a
        repeated pair keeps its order."""
        if stage not in self._drawn:
            self._coins[stage] = random.Random(f"{self._seed} {stage}")
            self._drawn[stage] = first_orders(self._coins[stage], self._pairs)
        drawn = self._drawn[stage]
        while len(drawn) <= pair:
            drawn.append(toss(self._coins[stage]))
        return drawn[pair]


def toss(coin: random.Random) -> bool:
    return coin.random() < 0.5


def first_orders(coin: random.Random, pairs: int | None) -> list[bool]:
    """The orders of a comparison's first four pairs, or of all pairs of a calibration, drawn again until they can be
    judged."""
    half = [number % 2 == 0 for number in range(pairs or 0)]
    while True:
        orders = coin.sample(half, len(half)) if half else [toss(coin) for _ in range(LOOKS[0])]
        if tells(orders) or 0 < len(half) < LOOKS[0]:
            return orders


def tells(head_first: Sequence[bool]) -> bool:
    """Whether pairs that were run in this order can be judged.

    They cannot if one side was always first, since an effect of the order would look like a change. Nor can they while
    the first four alternate, since a disturbance of every fourth process would look like one.
    """
    if all(head_first) or not any(head_first):
        return False
    return len(head_first) >= COVARIATE_FROM or not all(a != b for a, b in pairwise(head_first[: LOOKS[0]]))


def is_covariate(head_first: Sequence[bool]) -> bool:
    rarer = min(sum(head_first), len(head_first) - sum(head_first))
    return len(head_first) >= COVARIATE_FROM and rarer >= LEAST_OF_EITHER
