"""The looks of `harness.compare.interim` at thousands of comparisons at once, in numpy.

The rule is written a second time here, with the shipped constants; `test_fast_looks.py` holds its verdicts against the
shipped code's. What calibration knows is the shipped code's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import fdtri, stdtr, stdtrit

from harness.compare import interim, offset, order
from harness.compare.policy import LOOKS, Policy
from harness.stats import modes
from harness.values.pairing import Noise
from harness.values.verdict import Verdict
from tests.compare.noise import Array, Flags, Machine, Measured, Orders, drawn_orders

UNDECIDED, FASTER, SLOWER, SAME = range(4)
SHARING = 4
"""Comparisons that share one calibration: it takes longer than they do."""
VERDICTS = (Verdict.UNDECIDED, Verdict.FASTER, Verdict.SLOWER, Verdict.SAME)


class Known(NamedTuple):
    """What calibrations say, [suites, cases]; of suites that are all calibrated or none."""

    variance: Array | None
    degrees: int
    bimodal: Flags
    moved: Array
    same: Array


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
    """verdict, at: [suites, cases], what was decided and at how many pairs, 0 where nothing was."""

    verdict: Array
    at: Array

    @property
    def moved(self) -> Flags:
        return (self.verdict == FASTER) | (self.verdict == SLOWER)

    @property
    def flagged(self) -> Rate:
        """Suites with any FASTER or SLOWER."""
        return _rate(self.moved.any(axis=1))

    def any(self, verdict: int) -> Rate:
        """Suites with any such verdict."""
        return _rate((self.verdict == verdict).any(axis=1))

    def share(self, verdict: int, by: int = LOOKS[-1]) -> Rate:
        """Of all cases, by so many pairs."""
        return _rate(((self.verdict == verdict) & (self.at <= by)).mean(axis=1))


def _rate(shares: Array | Flags) -> Rate:
    """Suites that share a calibration count as one."""
    shares = shares[: len(shares) // SHARING * SHARING].reshape(-1, SHARING).mean(axis=1)
    n = len(shares)
    spread = max(float(shares.std(ddof=1)), 1 / np.sqrt(n))  # nothing in n suites is no proof of never
    return Rate(float(shares.mean()), spread / np.sqrt(n) if shares.any() else 1 / n)


def simulate(
    machine: Machine, policy: Policy, *, suites: int, cases: int = 20, change: float = 0.0, seed: int = 1,
    orders: Orders = drawn_orders, family: int | None = None,
) -> Outcome:  # fmt: skip
    """Suites whose cases have all changed by `change` (a log ratio). family: in place of the number of cases, for
    planted mistakes."""
    noise, measured = drawn(machine, suites, cases, seed, orders)
    return judge(measured.changed(change), known_of(noise, cases, family or cases), policy, family or cases)


@lru_cache(maxsize=8)
def drawn(
    machine: Machine, suites: int, cases: int, seed: int, orders: Orders = drawn_orders
) -> tuple[list[Noise], Measured]:
    """What was known before each comparison, and what it measured of identical code."""
    rng = np.random.default_rng(seed)
    calibrations = machine.noise(rng, -(-suites // SHARING), cases)
    noise = [calibration for calibration in calibrations for _ in range(SHARING)][:suites]
    return noise, machine.measure(rng, suites, cases, orders)


def known_of(noise: Sequence[Noise], cases: int, family: int) -> Known:
    names = [str(case) for case in range(cases)]
    allowed = [[offset.allowance(of_suite, name, family) for name in names] for of_suite in noise]
    moved, same = (np.array([[getattr(a, part) for a in row] for row in allowed]) for part in ("moved", "same"))
    if not noise[0].cases:
        return Known(None, 0, np.zeros_like(moved, dtype=bool), moved, same)
    found = [[of_suite.cases[name] for name in names] for of_suite in noise]
    variance, bimodal = (
        np.array([[getattr(c, part) for c in row] for row in found]) for part in ("pair_variance", "bimodal")
    )
    return Known(variance, found[0][0].degrees, bimodal, moved, same)


def judge(measured: Measured, known: Known, policy: Policy, family: int) -> Outcome:
    policy = policy.paired()
    error = policy.family_error / policy.looks
    x = measured.head - measured.base
    verdict, at = np.zeros(known.moved.shape), np.zeros(known.moved.shape)
    margin = np.maximum(policy.margin, known.moved)
    for n in LOOKS:
        open_cases = verdict == UNDECIDED
        centre, variance, weight, degrees = _fit(x[:, :n], measured.head_first[:, :n])
        variance, degrees = _with_noise(variance, degrees, known, open_cases)
        spread = np.sqrt(variance * weight)
        asked = open_cases & _tells(measured.head_first[:, :n])[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.minimum(1, 2 * stdtr(degrees, -(np.abs(centre) - margin) / spread))
        p = np.where(spread == 0, np.where(np.abs(centre) > margin, 0.0, 1.0), p)
        rejected = ((verdict == FASTER) | (verdict == SLOWER)).sum(axis=1)
        moved = _holm(np.where(asked, p, np.inf), error, family - rejected)
        reach = np.hypot(_sure_of_same(degrees, policy) * spread, known.same)
        same = asked & ~moved & ~known.bimodal & (np.abs(centre) + reach < policy.same_within)
        suite, case = np.nonzero(same)
        same[suite, case] = ~_two_modes(_process_logs(measured, n, suite, case))
        verdict[moved] = np.where(centre > 0, SLOWER, FASTER)[moved]
        verdict[same] = SAME
        at[moved | same] = n
    return Outcome(verdict, at)


def _fit(x: Array, head_first: Flags) -> tuple[Array, Array, Array, Array]:
    """Centre and variance [suites, cases], the centre's variance over it and degrees of freedom [suites, 1]."""
    n = x.shape[1]
    firsts = head_first.sum(axis=1)[:, None].astype(float)
    covariate = (n >= order.COVARIATE_FROM) & (np.minimum(firsts, n - firsts) >= order.LEAST_OF_EITHER)
    which = head_first[:, :, None]
    counts = np.maximum(1, firsts), np.maximum(1, n - firsts)
    means = (x * which).sum(axis=1) / counts[0], (x * ~which).sum(axis=1) / counts[1]
    plain = x.mean(axis=1)
    fitted = np.where(covariate[:, :, None], np.where(which, means[0][:, None], means[1][:, None]), plain[:, None])
    degrees = np.where(covariate, n - 2, n - 1)
    variance = ((x - fitted) ** 2).sum(axis=1) / degrees
    weight = np.where(covariate, (1 / counts[0] + 1 / counts[1]) / 4, 1 / n)
    return np.where(covariate, sum(means) / 2, plain), variance, weight, degrees


def _with_noise(variance: Array, degrees: Array, known: Known, open_cases: Flags) -> tuple[Array, Array]:
    """With the calibrated variance where the two agree."""
    degrees = np.broadcast_to(degrees, variance.shape)
    if known.variance is None:
        return variance, degrees
    counted = np.maximum(1, open_cases.sum(axis=1))
    louder = np.maximum(1, np.where(open_cases, variance / known.variance, 0).sum(axis=1) / counted)
    calibrated = louder[:, None] * known.variance
    agree = variance / calibrated <= _of_each(degrees, lambda own: fdtri(own, known.degrees, interim.TRUSTED))
    weight = interim.PRIOR_WEIGHT
    pooled = (weight * calibrated + degrees * variance) / (degrees + weight)
    return np.where(agree, pooled, variance), np.where(agree, degrees + weight, degrees)


def _of_each(degrees: Array, quantile: Callable[[Array], Array]) -> Array:
    """A quantile at each of the few different degrees of freedom."""
    different, places = np.unique(degrees, return_inverse=True)
    return quantile(different)[places].reshape(degrees.shape)


def _sure_of_same(degrees: Array, policy: Policy) -> Array:
    return _of_each(degrees, lambda own: stdtrit(own, 1 - policy.same_error / policy.looks))


def _tells(head_first: Flags) -> Flags:
    found = head_first.any(axis=1) & ~head_first.all(axis=1)
    if head_first.shape[1] < order.COVARIATE_FROM:
        four = head_first[:, : LOOKS[0]]
        found &= ~(four[:, 1:] != four[:, :-1]).all(axis=1)
    return found


def _holm(p: Array, error: float, family: Array) -> Flags:
    by_size = np.argsort(p, axis=1)
    limits = error / np.maximum(1, family[:, None] - np.arange(p.shape[1]))
    hits = np.cumprod(np.take_along_axis(p, by_size, axis=1) <= limits, axis=1).astype(bool)
    found = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(found, by_size, hits, axis=1)
    return found


def _process_logs(measured: Measured, n: int, suite: Array, case: Array) -> Array:
    sides = [side[suite, :n, case] for side in (measured.base, measured.head)]
    return np.concatenate([side - np.median(side, axis=1, keepdims=True) for side in sides], axis=1)


def _two_modes(logs: Array) -> Flags:
    """[cases, processes] -> [cases]."""
    n = logs.shape[1]
    found = np.zeros(len(logs), dtype=bool)
    if n < modes.LEAST_PROCESSES:
        return found
    ordered = np.sort(logs - logs.mean(axis=1, keepdims=True), axis=1)
    sums, squares = np.cumsum(ordered, axis=1), (ordered**2).sum(axis=1)
    least = max(2, int(np.ceil(modes.LEAST_SHARE * n)))
    for k in range(least, n - least + 1):
        low, high = sums[:, k - 1] / k, (sums[:, -1] - sums[:, k - 1]) / (n - k)
        within = np.sqrt(np.maximum(0, squares - k * low**2 - (n - k) * high**2) / n)
        apart = high - low
        found |= (apart > modes.LEAST_DISTANCE) & (apart > (3.5 + 40 / n) * within)
    return found
