"""Noise of fresh processes, simulated: what the pairs of many comparisons of a suite would have measured.

Arrays are [suites, slots or pairs, cases] of logs of times; a slot is one process, two in a row are a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from harness.compare.calibration import noise_of
from harness.compare.order import tells
from harness.compare.pairs import Pairs
from harness.compare.policy import LOOKS
from harness.values.pairing import Noise

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Generator = np.random.Generator
Slots = Callable[[Generator, int, int, int], Array]
"""(generator, suites, slots in their order, cases) -> [suites, slots, cases]: noise of each case in each process."""
Orders = Callable[[Generator, int, int], Flags]
"""(generator, suites, pairs) -> [suites, pairs]: whether head runs first."""

PAIRS = LOOKS[-1]
WORKTREES, PAIRS_OF_EACH = 6, 4
"""What `harness calibrate` measures unless it is told otherwise."""


# Noise that is random in time.


def independent(spread: float, common: float = 0.0) -> Slots:
    """A share `common` of the variance in all cases at once."""
    return autocorrelated(spread, 0.0, common)


def autocorrelated(spread: float, rho: float, common: float = 0.0) -> Slots:
    """AR(1) of this standard deviation from slot to slot."""

    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        own = rng.normal(0, np.sqrt(1 - common), (suites, slots, cases))
        own += rng.normal(0, np.sqrt(common), (suites, slots, 1))
        for i in range(1, slots if rho else 0):
            own[:, i] = rho * own[:, i - 1] + np.sqrt(1 - rho**2) * own[:, i]
        return spread * own

    return draw


def heavy_tailed(spread: float, degrees: float = 3) -> Slots:
    """Student's t, scaled to the spread where it has one."""
    scale = spread / np.sqrt(degrees / (degrees - 2)) if degrees > 2 else spread
    return lambda rng, *shape: scale * rng.standard_t(degrees, shape)


def lognormal(spread: float, sigma: float = 1.2) -> Slots:
    """Never faster than a floor, sometimes much slower; of this standard deviation."""
    scale = spread / np.sqrt((np.exp(sigma**2) - 1) * np.exp(sigma**2))
    return lambda rng, *shape: scale * rng.lognormal(0, sigma, shape)


def sometimes(height: float, share: float, common: bool) -> Slots:
    """This share of the processes is slower, in each case by itself or in all."""
    return lambda rng, suites, slots, cases: (
        height * (rng.random((suites, slots, 1 if common else cases)) < share) * np.ones(cases)
    )


def drift(per_slot: float) -> Slots:
    return lambda rng, suites, slots, cases: np.broadcast_to(
        per_slot * np.arange(slots)[:, None], (suites, slots, cases)
    )


def step(height: float) -> Slots:
    """All cases slower from some moment on."""

    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        at = rng.integers(0, slots, (suites, 1, 1))
        return height * (np.arange(slots)[:, None] >= at) * np.ones(cases)

    return draw


def on_and_off(height: float, share: float, common: bool = False, stay: float = 0.9) -> Slots:
    """A state that is left with a chance of 1 - stay after each process; in a share of the cases, or in all at once."""

    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        shape = (suites, slots, 1 if common else cases)
        changes = np.cumsum(rng.random(shape) > stay, axis=1) + rng.integers(0, 2, (suites, 1, shape[2]))
        touched = rng.random((suites, 1, cases)) < share
        return height * (changes % 2) * touched

    return draw


def quiet_then_loud(quiet: float, loud: float) -> Slots:
    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        at = rng.integers(0, slots, (suites, 1, 1))
        spread = np.where(np.arange(slots)[:, None] < at, quiet, loud)
        return spread * rng.normal(0, 1, (suites, slots, cases))

    return draw


# What goes with the place of a process.


def second_slower(height: float, fades_over: float | None = None) -> Slots:
    """The second process of each pair is slower; fades_over: so many pairs, as where a machine warms up."""

    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        slot = np.arange(slots)[:, None]
        fading = 1.0 if fades_over is None else np.exp(-(slot // 2) / fades_over)
        return np.broadcast_to(height * fading * (slot % 2), (suites, slots, cases))

    return draw


def second_slower_by_case(spread: float) -> Slots:
    """Each case has its own effect of the order, of either sign."""
    return lambda rng, suites, slots, cases: rng.normal(0, spread, (suites, 1, cases)) * (np.arange(slots) % 2)[:, None]


def every(nth: int, height: float) -> Slots:
    """Every nth process is slower, from a random one on."""

    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        phase = rng.integers(0, nth, (suites, 1, 1))
        return height * ((np.arange(slots)[:, None] + phase) % nth == 0) * np.ones(cases)

    return draw


def periodic(height: float, slots_each: int = 4, common: bool = False) -> Slots:
    """A wave over so many slots, in a phase of its own for each case or one for all."""

    def draw(rng: Generator, suites: int, slots: int, cases: int) -> Array:
        phase = rng.uniform(0, 2 * np.pi, (suites, 1, 1 if common else cases))
        return height * np.sin(2 * np.pi * np.arange(slots)[:, None] / slots_each + phase) * np.ones(cases)

    return draw


def places_in_a_batch(height: float, batch: int = 8) -> Slots:
    """Processes that wait together: the later its turn, the slower."""
    return lambda rng, suites, slots, cases: np.broadcast_to(
        height * (np.arange(slots)[:, None] % batch) / (batch - 1), (suites, slots, cases)
    )


def every_second_pair(slots: Slots) -> Slots:
    return lambda rng, suites, count, cases: slots(rng, suites, count, cases) * (np.arange(count)[:, None] // 2 % 2)


def together(*parts: Slots) -> Slots:
    return lambda rng, *shape: sum((part(rng, *shape) for part in parts), np.zeros(shape))


def louder(slots: Slots, factor: float, cases_touched: int | None = None) -> Slots:
    """In so many cases, or in all."""

    def draw(rng: Generator, suites: int, count: int, cases: int) -> Array:
        touched = np.arange(cases) < (cases if cases_touched is None else cases_touched)
        return np.where(touched, factor, 1.0) * slots(rng, suites, count, cases)

    return draw


n1 = together(autocorrelated(0.005, float(np.exp(-1 / 20))), independent(0.004), independent(0.0011))
"""0.4 % per process, 0.11 % of the median in a process, a drift of 0.5 % with a memory of 20 slots."""

n2 = autocorrelated(0.0036, 0.25, common=0.75)
"""As measured on one H100."""


# What lasts: ln(head / base) of identical worktrees.

Offsets = Callable[[Generator, int, int, int], Array]
"""(generator, suites, pairs of worktrees, cases) -> [suites, pairs of worktrees, cases]."""


def own_offsets(spread: float, cases_touched: int | None = None) -> Offsets:
    return louder(independent(spread), 1.0) if cases_touched is None else _in_cases(spread, cases_touched)


def _in_cases(spread: float, touched: int) -> Offsets:
    return lambda rng, suites, worktrees, cases: (
        rng.normal(0, spread, (suites, worktrees, cases)) * (np.arange(cases) < touched)
    )


def common_offsets(spread: float, common: float = 1.0) -> Offsets:
    return independent(spread, common)


# Orders.


def drawn_orders(rng: Generator, suites: int, pairs: int) -> Flags:
    """As `harness.compare.order.Orders` draws them: coins, the first four until they tell something."""
    allowed = np.array([order for order in product((False, True), repeat=LOOKS[0]) if tells(order)])
    orders = coins(rng, suites, pairs)
    orders[:, : LOOKS[0]] = allowed[rng.integers(0, len(allowed), suites)][:, :pairs]
    return orders


def coins(rng: Generator, suites: int, pairs: int) -> Flags:
    """A planted mistake: all of the first pairs may have one order."""
    return rng.random((suites, pairs)) < 0.5


def alternating(rng: Generator, suites: int, pairs: int) -> Flags:
    """A planted mistake: AB BA AB BA."""
    return np.broadcast_to(np.arange(pairs) % 2 == 1, (suites, pairs))


def balanced(rng: Generator, suites: int, pairs: int) -> Flags:
    """Of a calibration's four pairs: either side is first in half of them, and not in turns."""
    allowed = np.array(
        [order for order in product((False, True), repeat=pairs) if tells(order) and 2 * sum(order) == pairs]
    )
    return allowed[rng.integers(0, len(allowed), suites)]


# Comparisons.


@dataclass(frozen=True)
class Measured:
    """Many comparisons of a suite: base, head [suites, pairs, cases], head_first [suites, pairs]."""

    base: Array
    head: Array
    head_first: Flags

    def changed(self, change: float) -> Measured:
        """All cases slower by this log ratio."""
        return Measured(self.base, self.head + change, self.head_first)

    def pairs(self, suite: int) -> dict[str, Pairs]:
        """Of one comparison, by case, as the harness sees them."""
        order = self.head_first[suite].tolist()
        sides = zip(self.base[suite].T.tolist(), self.head[suite].T.tolist(), strict=True)
        return {str(case): Pairs(base, head, order) for case, (base, head) in enumerate(sides)}


@dataclass(frozen=True)
class Machine:
    """slots: the noise of its processes. calibrated: what it was at the time of calibration; None: never calibrated.
    offsets: of worktrees, then and now."""

    slots: Slots
    calibrated: Slots | None = None
    offsets: Offsets | None = None
    worktrees: int = WORKTREES

    def measure(self, rng: Generator, suites: int, cases: int, orders: Orders = drawn_orders) -> Measured:
        return _pairs(rng, self.slots, self.offsets, (suites, PAIRS, cases), orders)

    def noise(self, rng: Generator, suites: int, cases: int) -> list[Noise]:
        """What `harness calibrate` would have stored before each comparison."""
        if self.calibrated is None:
            return [Noise()] * suites
        shape = (suites, PAIRS_OF_EACH, cases)
        groups = [_pairs(rng, self.calibrated, self.offsets, shape, balanced) for _ in range(self.worktrees)]
        return [_noise([group.pairs(suite) for group in groups]) for suite in range(suites)]


def _pairs(
    rng: Generator, slots: Slots, offsets: Offsets | None, shape: tuple[int, int, int], orders: Orders
) -> Measured:
    suites, pairs, cases = shape
    drawn = slots(rng, suites, 2 * pairs, cases).reshape(suites, pairs, 2, cases)
    first, second = drawn[:, :, 0], drawn[:, :, 1]
    head_first = orders(rng, suites, pairs)
    order = head_first[:, :, None]
    lasting = 0.0 if offsets is None else offsets(rng, suites, 1, cases)
    return Measured(np.where(order, second, first), np.where(order, first, second) + lasting, head_first)


def _noise(groups: Sequence[dict[str, Pairs]]) -> Noise:
    return noise_of({case: [group[case] for group in groups] for case in groups[0]})
