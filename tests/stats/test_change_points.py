"""The scan, simulated: how often it suspects what is not there, how soon it sees a step, and at which commit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.stats.change_points import UNCONFIRMED, Rule, scan

Values = NDArray[np.float64]
SD = 0.0035
"""Of ln(median) between fresh processes; 40 % of its variance is common to the processes of a run."""
PER_DAY = 8
MACHINE_EVERY = 250


def _ar(rng: np.random.Generator, n: int, phi: float) -> Values:
    out = rng.normal(size=n)
    for i in range(1, n):
        out[i] = phi * out[i - 1] + math.sqrt(1 - phi * phi) * out[i]
    return out


def _days(rng: np.random.Generator, n: int) -> Values:
    return 0.0025 * np.repeat(_ar(rng, n // PER_DAY + 1, 0.7), PER_DAY)[:n]


def _drift(rng: np.random.Generator, n: int, size: float = 0.006) -> Values:
    wave = size * np.sin(2 * np.pi * (np.arange(n) / 300 + rng.random()))
    return wave + np.cumsum(rng.normal(size=n) * 0.0002)


def _outliers(rng: np.random.Generator, n: int, share: float = 0.02) -> Values:
    return (rng.random(n) < share) * (0.02 + rng.exponential(0.03, n))


NOISE: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "iid": lambda rng, n: SD * rng.normal(size=n),
    "days": lambda rng, n: SD * rng.normal(size=n) + _days(rng, n),
    "drift": lambda rng, n: SD * rng.normal(size=n) + _drift(rng, n),
    "outliers": lambda rng, n: SD * rng.normal(size=n) + _outliers(rng, n),
    "bimodal": lambda rng, n: SD * rng.normal(size=n) + 0.02 * (rng.random(n) < 0.25),
    "tails": lambda rng, n: SD * rng.standard_t(4, size=n) / math.sqrt(2),
    "machine": lambda rng, n: SD * rng.normal(size=n) + 0.015 * ((np.arange(n) // MACHINE_EVERY) % 2),
    "field": lambda rng, n: (
        SD * rng.standard_t(4, size=n) / math.sqrt(2) + _days(rng, n) + _drift(rng, n, 0.003) + _outliers(rng, n, 0.01)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", NOISE)
def test_suspicions_without_a_change_are_rare(kind: str) -> None:
    """40,000 commits of one case: at most one suspicion in 1,000 (1.5 where 2 % of the runs are outliers), two standard
    errors allowed. Where the machine itself moves, its three moves are suspected and nothing else."""
    rng, suspected, series, n = np.random.default_rng(7), 0, 40, 1000
    for _ in range(series):
        suspected += len(scan(NOISE[kind](rng, n)))
    allowed = {"outliers": 1.5, "machine": 1.0 + (n // MACHINE_EVERY - 1)}.get(kind, 1.0)
    rate = 1000 * suspected / (series * n)
    assert rate <= allowed + 2 * math.sqrt(allowed / (series * n / 1000)), rate


@pytest.mark.parametrize(("change", "within", "share"), [(0.05, 1, 0.95), (0.02, 10, 0.85), (-0.05, 1, 0.95)])
def test_a_step_is_seen_soon_and_where_it_is(change: float, within: int, share: float) -> None:
    """After 60 commits, at a process SD of 0.45 %."""
    rng, seen, right, trials, at = np.random.default_rng(3), 0, 0, 100, 60
    for _ in range(trials):
        x = 0.0045 * rng.normal(size=100)
        x[at:] += math.log1p(change)
        hits = [step for step in scan(x) if abs(step.index - at) <= 3 and step.seen_at < at + 1 + within]
        seen += bool(hits)
        right += bool(hits) and hits[0].index == at
    assert seen >= share * trials, seen / trials
    assert right >= 0.9 * seen


def test_the_size_of_a_step_is_within_its_interval() -> None:
    """In some 95 of 100; the interval holds the noise of both sides."""
    rng, inside, found = np.random.default_rng(5), 0, 0
    for _ in range(100):
        x = 0.003 * rng.normal(size=90)
        x[60:] += 0.03
        steps = [step for step in scan(x) if step.index == 60]
        found += bool(steps)
        inside += bool(steps) and steps[0].low <= 0.03 <= steps[0].high
    assert found >= 93 and inside >= 0.88 * found


def test_a_second_step_is_seen_from_the_first_level() -> None:
    """And a step back."""
    rng = np.random.default_rng(2)
    x = 0.002 * rng.normal(size=150)
    x[50:100] += 0.04
    assert [step.index for step in scan(x)] == [50, 100]
    assert [step.shift > 0 for step in scan(x)] == [True, False]


def test_one_odd_run_is_nothing_and_two_are() -> None:
    rng = np.random.default_rng(4)
    x = 0.003 * rng.normal(size=60)
    one, two = x.copy(), x.copy()
    one[-1] += 0.2
    two[-2:] += 0.2
    assert scan(one) == [] and [step.index for step in scan(two)] == [58]


def test_planted_mistakes_break_a_bound() -> None:
    """Without the wander a slow drift is a row of steps; without a margin the noise of days is one."""
    rng = np.random.default_rng(11)
    series = [NOISE["days"](rng, 1000) for _ in range(8)]
    shipped = sum(len(scan(x)) for x in series)
    careless = sum(len(scan(x, Rule(margin=0.0, threshold=4.0, lag=1))) for x in series)
    assert shipped <= 8 < careless


@given(st.lists(st.floats(-20, 20), max_size=80), st.floats(0, 0.1))
def test_any_series_is_scanned(values: list[float], noise_sd: float) -> None:
    """Steps come in order, each with values on both sides, and nothing is said of few values."""
    for rule in (Rule(), UNCONFIRMED):
        steps = scan(values, rule, noise_sd)
        places = [step.index for step in steps]
        assert places == sorted(set(places))
        assert all(rule.first <= step.index <= step.seen_at < len(values) for step in steps)
        assert len(values) >= rule.first + rule.least_after or not steps


@given(st.lists(st.floats(-1, 1), min_size=20, max_size=60), st.floats(-5, 5))
def test_the_unit_does_not_matter(values: list[float], offset: float) -> None:
    """Of logs, a factor is an offset."""
    places = [step.index for step in scan(values)]
    assert [step.index for step in scan([value + offset for value in values])] == places
