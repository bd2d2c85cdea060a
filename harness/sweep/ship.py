"""Chooses N configurations to ship: those with the smallest worst loss over all stored shapes, token counts and GPUs.
The N fastest at one of these would be neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from harness.stats.landscape import median_us
from harness.store import Store
from harness.values.environment import Environment
from harness.values.sweep import Configuration, Shipped, SweepResult

EXACT_LIMIT = 200_000
"""Number of sets up to which each is tried. Above it, a greedy choice is improved by exchanges."""

Name = tuple[tuple[str, int | float | str | bool | None], ...]
Times = Mapping[str, Mapping[Name, float]]
"""us by question and configuration."""


def shipped_for(result: SweepResult, store: Store, count: int) -> dict[str, Shipped]:
    """Return the choice by op and variant."""
    found = {}
    for question in result.questions:
        place = f"{question.op} {question.variant}"
        source = next((c.measurement.source for c in question.configurations if c.measurement.source), None)
        if place in found or source is None:
            continue
        times = times_of(store.configurations_of(question.op), question.variant, source, result.environment.triton)
        if times:
            found[place] = ship(times, count)
    return found


def times_of(
    rows: Sequence[tuple[Configuration, Environment | None]], variant: str, source: str, triton: str | None
) -> dict[str, dict[Name, float]]:
    """Return the stored times in us of a variant's present text under one Triton, by device and question. A duplicate
    has its original's time."""
    groups: dict[str, list[Configuration]] = {}
    for row, environment in rows:
        answer = row.case.answer
        if environment is None or answer is None or answer.variant != variant or environment.triton != triton:
            continue
        if row.measurement.source in (source, None):
            sizes = ", ".join(f"{name}={size}" for name, size in sorted(row.case.dims.items()))
            groups.setdefault(f"{environment.device_name}: {row.case.dtype} {sizes}", []).append(row)
    found = {}
    for question, group in groups.items():
        timed = {row.case.id: median_us(row) for row in group if row.same_as is None}
        times = {_name(row): timed.get(row.same_as or row.case.id, math.inf) for row in group}
        times = {name: time for name, time in times.items() if math.isfinite(time)}
        if times:
            found[question] = times
    return found


def ship(times: Times, count: int) -> Shipped:
    """Return the `count` configurations with the smallest worst loss; fewer where there are fewer."""
    names = sorted({name for by_name in times.values() for name in by_name}, key=repr)
    count = min(count, len(names))
    if math.comb(len(names), count) <= EXACT_LIMIT:
        chosen = min(combinations(names, count), key=lambda some: (loss(times, some), some and repr(some)))
    else:
        chosen = _exchanged(times, names, count)
    first = next(iter(times.values()))
    fastest = sorted(first, key=lambda name: first[name])[:count]
    return Shipped(
        tuple(dict(name) for name in chosen), loss(times, chosen), loss(times, fastest), tuple(times)
    )  # fmt: skip


def loss(times: Times, chosen: Sequence[Name]) -> float:
    """The largest loss over the questions: best time of the chosen over best time of all, less 1."""
    return max(_reached(times, chosen), default=1.0) - 1


def _reached(times: Times, chosen: Sequence[Name]) -> list[float]:
    """The best time of the chosen over the best of all, at each question; infinite where none of the chosen has a
    time."""
    return [min((t.get(n, math.inf) for n in chosen), default=math.inf) / min(t.values()) for t in times.values()]


def _exchanged(times: Times, names: Sequence[Name], count: int) -> tuple[Name, ...]:
    """A greedy choice, then single exchanges as long as one helps."""
    chosen: list[Name] = []
    for _ in range(count):
        left = [name for name in names if name not in chosen]
        chosen.append(min(left, key=lambda name: _worst_then_sum(times, [*chosen, name])))
    improved = True
    while improved:
        improved = False
        for place in range(count):
            for name in names:
                other = [*chosen[:place], name, *chosen[place + 1 :]]
                if name not in chosen and loss(times, other) < loss(times, chosen) - 1e-12:
                    chosen, improved = other, True
    return tuple(chosen)


def _worst_then_sum(times: Times, chosen: Sequence[Name]) -> tuple[float, float]:
    """The worst ratio, then the sum over the questions that have a time, which decides where the worst is infinite
    either way."""
    reached = _reached(times, chosen)
    finite = [one for one in reached if math.isfinite(one)]
    return max(reached), sum(finite) + 1e6 * (len(reached) - len(finite))


def _name(row: Configuration) -> Name:
    return tuple(sorted(row.tunables.items()))
