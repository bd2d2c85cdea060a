"""Identical code measured against itself, to what is known about the noise of a machine."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from harness.stats.modes import two_modes
from harness.values.pairing import CaseNoise, Noise

LEAST_PAIRS = 16
"""Pairs of processes from which a case counts as calibrated."""
LEAST_WORKTREES = 4
"""Pairs of worktrees from which the offset between them is known."""


SHUFFLES = 200
CHANCE = 0.02
"""An offset as large as the one that was seen must be rarer than this among the same pairs dealt out at random;
otherwise it is zero, and no margin is widened by what is only noise."""


def noise_of(
    pairs: Mapping[str, Sequence[Sequence[float]]], processes: Mapping[str, Sequence[float]] | None = None
) -> Noise:
    """pairs: by case, for each pair of identical worktrees, the log ratios of its pairs of processes. processes: by
    case, the logs of all process medians.

    The variance of a pair is taken inside of pairs of worktrees; what their means differ by beyond it is the offset,
    one for all cases.
    """
    cases: dict[str, CaseNoise] = {}
    for case, groups in pairs.items():
        whole = [group for group in groups if len(group) > 1]
        count = sum(map(len, whole))
        degrees = count - len(whole)
        if count < LEAST_PAIRS or degrees < 1:
            continue
        within = sum((len(group) - 1) * statistics.variance(group) for group in whole) / degrees
        logs = list((processes or {}).get(case, ()))
        spread = statistics.stdev(logs) if len(logs) > 1 else math.sqrt(within / 2)
        cases[case] = CaseNoise(within, degrees, spread, count, two_modes(logs))
    tables = _by_shape({case: pairs[case] for case, noise in cases.items() if noise.pair_variance > 0})
    offsets = [_offset(table) for table in tables]
    weights = [len(table) for table in tables]
    offset = math.sqrt(sum(w * o for w, o in zip(weights, offsets, strict=True)) / sum(weights)) if tables else 0.0
    return Noise(cases, offset, max((len(pairs[case]) for case in cases), default=0))


def _by_shape(pairs: Mapping[str, Sequence[Sequence[float]]]) -> list[list[Sequence[Sequence[float]]]]:
    """Cases that were measured in the same processes: with equally many pairs in each pair of worktrees."""
    found: dict[tuple[int, ...], list[Sequence[Sequence[float]]]] = {}
    for groups in pairs.values():
        shape = tuple(map(len, groups))
        if len(shape) >= LEAST_WORKTREES and min(shape) > 1:
            found.setdefault(shape, []).append(groups)
    return list(found.values())


def _offset(table: Sequence[Sequence[Sequence[float]]]) -> float:
    """The variance of lasting offsets, over cases with groups of the same sizes; 0 where chance gives as much.

    What is common to the cases of one process makes them say the same, so pairs are dealt out with all their cases.
    """
    import numpy as np

    sizes = [len(group) for group in table[0]]
    rows = np.array([[value for group in groups for value in group] for groups in table]).T
    ends = np.cumsum([0, *sizes[:-1]])

    def between(values: Any) -> Any:
        """Mean square of the groups' means, of values [..., pairs, cases], by case: an offset has no side of its own,
        so its mean is zero."""
        means = np.add.reduceat(values, ends, axis=-2) / np.array(sizes)[:, None]
        return (means**2).mean(axis=-2)

    centred = rows - np.repeat(np.add.reduceat(rows, ends, axis=0) / np.array(sizes)[:, None], sizes, axis=0)
    within = (centred**2).sum(axis=0) / (len(rows) - len(sizes))
    seen = between(rows)
    generator = np.random.default_rng(0)
    dealt = rows[np.stack([generator.permutation(len(rows)) for _ in range(SHUFFLES)])]
    by_chance = (between(dealt) / within).mean(axis=-1)
    if ((seen / within).mean() <= by_chance).mean() > CHANCE:
        return 0.0
    return max(0.0, float((seen - within * np.mean(1 / np.array(sizes))).mean()))
