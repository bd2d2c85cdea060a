"""Noise of fresh processes, simulated: log ratios of pairs as a comparison of a suite would see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.compare.calibration import noise_of
from harness.compare.looks import Looks, replay
from harness.compare.policy import LOOKS, Policy
from harness.values.pairing import Noise
from harness.values.verdict import Verdict

Array = NDArray[np.float64]
Slots = Callable[[np.random.Generator, int, int], Array]
"""(generator, slots in their order, cases) -> [slots, cases]: the noise of each case in each process, as a log."""

PAIRS = LOOKS[-1]
MOVED = (Verdict.FASTER, Verdict.SLOWER)


def independent(spread: float) -> Slots:
    return lambda rng, slots, cases: rng.normal(0, spread, (slots, cases))


def autocorrelated(spread: float, rho: float, common: float = 0.0) -> Slots:
    """AR(1) of this standard deviation from slot to slot, a share `common` of its variance in all cases at once."""

    def draw(rng: np.random.Generator, slots: int, cases: int) -> Array:
        own = rng.normal(0, np.sqrt(1 - common), (slots, cases)) + rng.normal(0, np.sqrt(common), (slots, 1))
        found = np.empty_like(own)
        found[0] = own[0]
        for i in range(1, slots):
            found[i] = rho * found[i - 1] + np.sqrt(1 - rho**2) * own[i]
        return spread * found

    return draw


def periodic(spread: float, height: float) -> Slots:
    """A disturbance that comes back every four slots, in a phase of its own for each case."""

    def draw(rng: np.random.Generator, slots: int, cases: int) -> Array:
        phase = rng.uniform(0, 2 * np.pi, (1, cases))
        wave = height * np.sin(2 * np.pi * np.arange(slots)[:, None] / 4 + phase)
        return rng.normal(0, spread, (slots, cases)) + wave

    return draw


def ramp(spread: float, height: float = 0.03, over: int = 16) -> Slots:
    """A GPU that warms up: `height` slower every `over` slots."""

    def draw(rng: np.random.Generator, slots: int, cases: int) -> Array:
        return rng.normal(0, spread, (slots, cases)) + height / over * np.arange(slots)[:, None]

    return draw


def heavy_tailed(spread: float) -> Slots:
    """Student's t with 3 degrees of freedom, scaled to the spread."""
    return lambda rng, slots, cases: spread / np.sqrt(3) * rng.standard_t(3, (slots, cases))


def n1(rng: np.random.Generator, slots: int, cases: int) -> Array:
    """0.4 % per process, 0.11 % of the median in a process, a drift of 0.5 % with a memory of 20 slots."""
    drift = autocorrelated(0.005, float(np.exp(-1 / 20)))(rng, slots, cases)
    return drift + rng.normal(0, 0.004, (slots, cases)) + rng.normal(0, 0.0011, (slots, cases))


n2 = autocorrelated(0.0036, 0.25, common=0.75)
"""As measured on one H100."""


def louder(slots: Slots, factor: float) -> Slots:
    return lambda rng, count, cases: factor * slots(rng, count, cases)


def coin(rng: np.random.Generator, pairs: int) -> NDArray[np.bool_]:
    """Which pairs have head first, as shipped: a coin each."""
    return rng.random(pairs) < 0.5


def abba(rng: np.random.Generator, pairs: int) -> NDArray[np.bool_]:
    """The planted mistake: the order alternates."""
    return np.arange(pairs) % 2 == 1


def log_ratios(
    rng: np.random.Generator, slots: Slots, cases: int, pairs: int = PAIRS,
    order: Callable[[np.random.Generator, int], NDArray[np.bool_]] = coin,
) -> Array:  # fmt: skip
    """[pairs, cases] of ln(head / base)."""
    drawn = slots(rng, 2 * pairs, cases).reshape(pairs, 2, cases)
    first, second = drawn[:, 0], drawn[:, 1]
    return np.where(order(rng, pairs)[:, None], first - second, second - first)


def calibrated(rng: np.random.Generator, slots: Slots, cases: int, worktrees: int = 4, each: int = 4) -> Noise:
    """What `harness calibrate` would have stored of such a machine."""
    drawn = [log_ratios(rng, slots, cases, each) for _ in range(worktrees)]
    return noise_of({str(case): [list(group[:, case]) for group in drawn] for case in range(cases)})


class Rate(NamedTuple):
    """A share and its standard error, over suites: the cases of one suite are not independent."""

    value: float
    error: float

    @property
    def surely_below(self) -> float:
        return self.value + 2 * self.error

    @property
    def surely_above(self) -> float:
        return self.value - 2 * self.error


@dataclass(frozen=True)
class Outcome:
    """By suite: whether any case was FASTER or SLOWER; the shares of its cases that had moved, and that were SAME, by
    each look."""

    any_moved: Array
    moved: Array
    same: Array

    @property
    def flagged(self) -> Rate:
        return _rate(self.any_moved)

    def found_by(self, pairs: int) -> Rate:
        return _rate(self.moved[:, : LOOKS.index(pairs) + 1].sum(axis=1))

    def same_by(self, pairs: int) -> Rate:
        return _rate(self.same[:, : LOOKS.index(pairs) + 1].sum(axis=1))


def _rate(shares: Array) -> Rate:
    n = len(shares)
    spread = max(float(shares.std(ddof=1)), 1 / np.sqrt(n))  # nothing in n suites is no proof of never
    return Rate(float(shares.mean()), spread / np.sqrt(n) if shares.any() else 1 / n)


def simulate(
    slots: Slots, policy: Policy, *, suites: int, cases: int = 20, change: float = 0.0, seed: int = 1,
    calibrate: Slots | None = None, order: Callable[[np.random.Generator, int], NDArray[np.bool_]] = coin,
    family: int | None = None,
) -> Outcome:  # fmt: skip
    """The shipped procedure on suites whose cases have all changed by `change` (a log ratio). calibrate: the noise at
    the time of calibration; None: never calibrated. family: in place of the number of cases, for planted mistakes."""
    rng = np.random.default_rng(seed)
    found = Outcome(np.zeros(suites), np.zeros((suites, len(LOOKS))), np.zeros((suites, len(LOOKS))))
    for suite in range(suites):
        noise = calibrated(rng, calibrate, cases) if calibrate else Noise()
        x = (log_ratios(rng, slots, cases, order=order) + change).T.tolist()
        looks = Looks(policy.paired(noise.offset), family or cases, noise.cases)
        replay(looks, {str(case): values for case, values in enumerate(x)})
        for case, verdict in looks.decided.items():
            share = found.moved if verdict in MOVED else found.same
            share[suite, LOOKS.index(looks.evidence[case].n)] += 1 / cases
        found.any_moved[suite] = any(verdict in MOVED for verdict in looks.decided.values())
    return found
