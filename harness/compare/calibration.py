"""The noise of a machine, from A/A runs. Each calibration in a store adds to the earlier ones."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from harness.compare.offset import CHANCE, LEAST_WORKTREES, NO_OFFSETS, estimate_offsets
from harness.compare.paired_runs import PairedRuns, paired_runs
from harness.compare.pairs import Pairs
from harness.stats.modes import two_modes
from harness.store import Store, Summary
from harness.values.environment import Environment
from harness.values.pairing import CaseNoise, Noise
from harness.values.run import Run

CALIBRATE = "calibrate"
LEAST_PAIRS = 16
"""Pairs of processes from which a case counts as calibrated."""


def noise_on(environment: Environment, store: Store) -> Noise:
    """Return the noise from every calibration on this machine, under the conditions that comparable runs must share."""
    halves: dict[str, list[Summary]] = {}
    for summary in store.runs(purpose=CALIBRATE):
        halves.setdefault(summary.comparison, []).append(summary)
    pairs: dict[str, list[Pairs]] = {}
    for halved in halves.values():
        if len(halved) != 2:
            continue
        runs = [store.load(half.id) for half in halved]
        if all(_same_machine(run, environment) for run in runs):
            found = paired_runs(*sorted(runs, key=lambda run: run.pairing.side if run.pairing else ""))
            if found is not None:
                _add(found, pairs)
    return noise_of(pairs)


def process_noise(noise: Noise) -> dict[str, float]:
    """The process SD by case id, as `Run.process_noise` stores it."""
    return {case: known.process_sd for case, known in noise.cases.items()}


def noise_of(pairs: Mapping[str, Sequence[Pairs]]) -> Noise:
    """Return the noise of each case. pairs: by case, those of each pair of identical worktrees.

    The variance of a pair is taken within pairs of worktrees and orders. The variance between the worktrees' means
    beyond it is the offset.
    """
    cases: dict[str, CaseNoise] = {}
    known = {case: [group for group in groups if group.n > 1] for case, groups in pairs.items()}
    for case, groups in known.items():
        count = sum(group.n for group in groups)
        effect = _effect([group.log_ratios for group in groups], [group.head_first for group in groups])
        if count < LEAST_PAIRS or effect.degrees < 1:
            continue
        logs = [log for group in groups for side in (group.base, group.head) for log in side]
        spread = math.dist(logs, [statistics.fmean(logs)] * len(logs)) / math.sqrt(len(logs) - 1)
        cases[case] = CaseNoise(effect.variance, effect.degrees, spread, count, two_modes(logs), effect.order)
    found = Noise(cases, worktree_pairs=max((len(known[case]) for case in cases), default=0))
    tables = _by_processes({case: known[case] for case, noise in cases.items() if noise.pair_variance > 0})
    return _with_offsets(found, known, tables)


def _same_machine(run: Run, environment: Environment) -> bool:
    there = run.environment
    return there is not None and not there.differences(environment) and there.device_uuid == environment.device_uuid


def _add(found: PairedRuns, pairs: dict[str, list[Pairs]]) -> None:
    head = {m.case.id: m for m in found.head.measurements}
    for base in found.base.measurements:
        other = head.get(base.case.id)
        if other is None or not base.samples or not other.samples or found.outside:
            continue
        of_case = found.of(base, other)
        if of_case.n:
            pairs.setdefault(base.case.id, []).append(of_case)


class _Effect(NamedTuple):
    """order: ln(second / first) of a pair, with its standard error. variance: of a pair beyond it, with its degrees."""

    order: float
    error: float
    variance: float
    degrees: int


def _effect(groups: Sequence[Sequence[float]], orders: Sequence[Sequence[bool]]) -> _Effect:
    """Least squares on x = the group's own mean - order where head ran first, + order where base did."""
    squares = products = total = 0.0  # around the means of the groups
    for ratios, order in zip(groups, orders, strict=True):
        signs = [-1.0 if first else 1.0 for first in order] or [0.0] * len(ratios)
        centre, middle = statistics.fmean(ratios), statistics.fmean(signs)
        squares += sum((sign - middle) ** 2 for sign in signs)
        products += sum((sign - middle) * (x - centre) for sign, x in zip(signs, ratios, strict=True))
        total += sum((x - centre) ** 2 for x in ratios)
    effect = products / squares if squares else 0.0
    degrees = sum(map(len, groups)) - len(groups) - (squares > 0)
    variance = max(0.0, total - effect * products) / max(1, degrees)
    return _Effect(effect, math.sqrt(variance / squares) if squares else 0.0, variance, degrees)


def _by_processes(pairs: Mapping[str, Sequence[Pairs]]) -> list[list[str]]:
    """Groups of cases measured in the same processes: they have the same orders in each pair of worktrees. Only cases
    from enough worktrees count."""
    found: dict[tuple[tuple[bool, ...], ...], list[str]] = {}
    for case, groups in pairs.items():
        if len(groups) >= LEAST_WORKTREES:
            shape = tuple(tuple(group.head_first) or (False,) * group.n for group in groups)
            found.setdefault(shape, []).append(case)
    return list(found.values())


def _with_offsets(noise: Noise, pairs: Mapping[str, Sequence[Pairs]], tables: Sequence[Sequence[str]]) -> Noise:
    """The noise with offsets. tables: the cases that share processes. The common offset is the largest one shown to
    exist, else the largest."""
    found = [NO_OFFSETS]
    cases = dict(noise.cases)
    order, error = 0.0, 0.0
    for names in sorted(tables, key=len):
        table = [[_less_order(group, cases[name].order) for group in pairs[name]] for name in names]
        orders = [first for group in pairs[names[0]] for first in group.head_first or (False,) * group.n]
        offsets = estimate_offsets(table, orders)
        found.append(offsets)
        for name, own, degrees in zip(names, offsets.own, offsets.degrees, strict=True):
            cases[name] = replace(cases[name], offset=own, offset_degrees=degrees)
        groups = list(zip(*([group.log_ratios for group in pairs[name]] for name in names), strict=True))
        means = [[statistics.fmean(of_pair) for of_pair in zip(*group, strict=True)] for group in groups]
        order, error = _effect(means, [group.head_first for group in pairs[names[0]]])[:2]
    shown = max(found, key=lambda offsets: (offsets.chance <= CHANCE, offsets.common))
    return replace(
        noise, cases=cases, offset=shown.common, offset_chance=shown.chance, order=order, order_error=error
    )  # fmt: skip


def _less_order(pairs: Pairs, order: float) -> list[float]:
    if not pairs.head_first:
        return pairs.log_ratios
    return [x + (order if first else -order) for x, first in zip(pairs.log_ratios, pairs.head_first, strict=True)]
