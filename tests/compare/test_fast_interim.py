"""The simulation's own rule in numpy gives the shipped code's verdicts, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from harness.compare.interim import InterimAnalyses, replay
from harness.compare.order import Orders
from harness.compare.policy import LOOKS, Policy
from tests.compare.fast_interim import UNDECIDED, VERDICTS, judge, known_of
from tests.compare.noise import (
    Machine,
    common_offsets,
    drawn_orders,
    every,
    heavy_tailed,
    independent,
    louder,
    n2,
    own_offsets,
    second_slower,
    sometimes,
    together,
)

MACHINES = {
    "normal": Machine(independent(0.004)),
    "calibrated": Machine(n2, n2),
    "louder than calibrated": Machine(louder(n2, 5, cases_touched=4), n2),
    "heavy tails": Machine(heavy_tailed(0.004, 2)),
    "an effect of the order": Machine(together(independent(0.002), second_slower(0.01)), n2),
    "every sixth process": Machine(together(independent(0.004), every(6, 0.2))),
    "two modes": Machine(together(independent(0.0005), sometimes(0.02, 0.5, common=True))),
    "two modes, calibrated": Machine(together(independent(0.0005), sometimes(0.02, 0.5, common=False)), n2),
    "common offsets": Machine(n2, n2, common_offsets(0.01)),
    "own offsets": Machine(n2, n2, own_offsets(0.005)),
    "an offset of one case": Machine(n2, n2, own_offsets(0.02, cases_touched=1)),
}
SUITES, CASES = 6, 20


@pytest.mark.parametrize("name", MACHINES)
def test_each_verdict_and_the_look_that_gave_it_are_those_of_the_shipped_code(name: str) -> None:
    """6 suites of 20 cases on each of 11 machines, unchanged and with three changes: 5,280 verdicts."""
    rng = np.random.default_rng(len(name))
    noise = MACHINES[name].noise(rng, SUITES, CASES)
    known = known_of(noise, CASES, CASES)
    unchanged = MACHINES[name].measure(rng, SUITES, CASES)
    for change in (0.0, 0.005, 0.01, -0.02):
        measured = unchanged.changed(change)
        fast = judge(measured, known, Policy(), CASES)
        for suite in range(SUITES):
            shipped = replay(InterimAnalyses(Policy().paired(), CASES, noise[suite]), measured.pairs(suite))
            for case in range(CASES):
                found = VERDICTS[int(fast.verdict[suite, case])]
                assert found is shipped.decided.get(str(case), VERDICTS[UNDECIDED])
                assert fast.at[suite, case] in (0, shipped.evidence[str(case)].n)


def test_orders_are_drawn_as_the_harness_draws_them() -> None:
    """The same first four, each as often; then a fair coin."""
    suites = 4000
    fast = drawn_orders(np.random.default_rng(0), suites, LOOKS[-1])
    shipped = np.array(
        [[Orders(seed).head_first("kernels", pair) for pair in range(LOOKS[-1])] for seed in range(suites)]
    )
    numbers = [orders[:, :4] @ (8, 4, 2, 1) for orders in (fast, shipped)]
    counts = [np.bincount(number, minlength=16) for number in numbers]
    assert (counts[0] > 0).tolist() == (counts[1] > 0).tolist() and (counts[1] > 0).sum() == 12
    assert all(abs(count - suites / 12) < 4 * np.sqrt(suites / 12) for both in counts for count in both if count)
    assert all(abs(orders[:, 4:].mean() - 0.5) < 4 * 0.5 / np.sqrt(20 * suites) for orders in (fast, shipped))
