"""The procedure that judges growing pairs keeps its promises: simulated, seeded, on the shipped code and constants.

Every rate is compared together with twice its own standard error.
"""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from harness.compare import looks as looks_module
from harness.compare.calibration import noise_of
from harness.compare.decide import paired
from harness.compare.looks import Looks, replay, with_noise
from harness.compare.policy import LOOKS, Policy
from harness.values.pairing import CaseNoise
from harness.values.verdict import Verdict
from tests.compare.noise import (
    Slots,
    abba,
    autocorrelated,
    heavy_tailed,
    independent,
    louder,
    n1,
    n2,
    periodic,
    ramp,
    simulate,
)

STRICT = Policy(margin_percent=0.0, same_within_percent=0.0)
"""Without the margin and without SAME nothing else holds the error rate."""
MOST_FLAGGED = 0.06
PERIOD = periodic(0.004, 0.004)


def percent(change: float) -> float:
    return math.log1p(change / 100)


@pytest.mark.slow
@pytest.mark.parametrize(
    "slots",
    [independent(0.004), autocorrelated(0.004, 0.5), PERIOD, ramp(0.004), heavy_tailed(0.004)],
    ids=["independent", "AR 0.5", "period of four slots", "3 % ramp", "t3"],
)
def test_identical_suites_are_rarely_flagged(slots: Slots) -> None:
    """Any of 20 cases at any of six looks, in at most 6 % of 2,000 suites, never calibrated."""
    assert simulate(slots, STRICT, suites=2000).flagged.surely_below <= MOST_FLAGGED


def test_looks_that_are_not_split_are_seen() -> None:
    """The planted mistake: every look at the whole error."""

    class EveryLookAlone(Policy, frozen=True):
        def paired(self, offset: float = 0.0) -> Policy:
            return msgspec.structs.replace(super().paired(offset), looks=1)

    wrong = EveryLookAlone(margin_percent=0.0, same_within_percent=0.0)
    assert simulate(independent(0.004), wrong, suites=500).flagged.surely_above > MOST_FLAGGED


def test_a_family_of_one_is_seen() -> None:
    """The planted mistake: no Holm, every case by itself."""
    assert simulate(independent(0.004), STRICT, suites=300, family=1).flagged.surely_above > MOST_FLAGGED


def test_an_order_that_alternates_is_seen_under_a_period() -> None:
    """The planted mistake: ABBA in place of a coin."""
    assert simulate(PERIOD, STRICT, suites=200, order=abba).flagged.surely_above > MOST_FLAGGED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slots", "then"),
    [(n1, n1), (n2, n2), (louder(n1, 2), n1), (louder(n2, 2), n2)],
    ids=["N1", "N2", "N1 doubled", "N2 doubled"],
)
def test_the_shipped_policy_flags_nothing_that_is_not_there(slots: Slots, then: Slots) -> None:
    """Calibrated: identical code in at most 1 % of suites, all cases 0.25 % slower in at most 5 %; also where the noise
    has doubled since."""
    assert simulate(slots, Policy(), suites=600, calibrate=then).flagged.surely_below <= 0.01
    assert simulate(slots, Policy(), suites=600, calibrate=then, change=percent(0.25)).flagged.surely_below <= 0.05


@pytest.mark.parametrize(("change", "pairs", "share"), [(5, 4, 0.95), (2, 8, 0.95), (1, 24, 0.90)])
def test_changes_are_found_in_time(change: float, pairs: int, share: float) -> None:
    """Under N1, calibrated."""
    found = simulate(n1, Policy(), suites=150, calibrate=n1, change=percent(change))
    assert found.found_by(pairs).surely_above >= share


def test_one_percent_is_found_by_16_pairs_in_the_noise_of_a_real_gpu() -> None:
    assert simulate(n2, Policy(), suites=300, calibrate=n2, change=percent(1)).found_by(16).value >= 0.95


def test_same_is_said_of_what_is_the_same_and_not_of_one_percent() -> None:
    assert simulate(n1, Policy(), suites=150, calibrate=n1).same_by(12).surely_above >= 0.95
    assert simulate(n1, Policy(), suites=150, calibrate=n1, change=percent(1)).same_by(24).surely_below <= 0.05


def test_an_offset_between_worktrees_is_learned_and_one_that_is_not_there_is_not() -> None:
    """0.5 % for good between two worktrees, in noise of 0.4 %; and none."""
    rng = random.Random(7)

    def offset(spread: float) -> float:
        shifts = {case: [rng.gauss(0, spread) for _ in range(4)] for case in map(str, range(20))}
        pairs = {c: [[rng.gauss(s, 0.0057) for _ in range(4)] for s in groups] for c, groups in shifts.items()}
        return noise_of(pairs).offset

    assert offset(0.005) == pytest.approx(0.005, rel=0.3)
    assert sum(offset(0.0) > 0 for _ in range(40)) <= 4
    assert Policy().paired(0.005).margin_percent == pytest.approx(1.26, abs=0.01)


def test_a_calibration_needs_sixteen_pairs() -> None:
    rng = random.Random(8)
    groups = [[rng.gauss(0, 0.005) for _ in range(4)] for _ in range(4)]
    assert noise_of({"a": groups[:3]}).cases == {}
    known = noise_of({"a": groups}).cases["a"]
    assert (known.pairs, known.degrees) == (16, 12) and known.pair_variance == pytest.approx(0.005**2, rel=0.8)


def test_a_calibrated_variance_is_used_where_it_fits_and_dropped_where_it_does_not() -> None:
    """Four pairs that agree by luck are not believed; a case that got five times as noisy stands on its own."""
    noise = {"a": CaseNoise(0.004**2, 15, 0.003, 16), "b": CaseNoise(0.004**2, 15, 0.003, 16)}
    lucky, other = [0.0100, 0.0101, 0.0099, 0.0100], [0.004, -0.004, 0.004, -0.004]
    found = with_noise({"a": lucky, "b": other}, noise)
    assert found["a"].error > 10 * paired(lucky).error and found["a"].degrees == 3 + looks_module.PRIOR_WEIGHT
    loud = [0.03, -0.03, 0.03, -0.03]
    assert with_noise({"a": loud}, {"a": CaseNoise(0.004**2, 15, 0.003, 16)})["a"].n == 4
    alone = with_noise(
        {**{str(i): other for i in range(30)}, "a": loud}, {**{str(i): noise["b"] for i in range(30)}, **noise}
    )
    assert alone["a"].error == paired(loud).error


def test_what_was_decided_stays_decided() -> None:
    """Later pairs of a frozen case change nothing, and its rejection helps the others."""
    policy = Policy().paired()
    slower = [0.05, 0.051, 0.049, 0.05]
    looks = replay(Looks(policy, 2), {"a": [*slower, -0.5, -0.5], "b": [0.0, 0.02, -0.02, 0.01, 0.01, -0.02]})
    assert looks.decided["a"] is Verdict.SLOWER and looks.evidence["a"].n == 4
    assert looks.evidence["b"].n == 6 and looks.left["b"] == 1


def test_a_budget_that_ends_between_two_looks_takes_the_next_one_early() -> None:
    """What was measured counts; while more is to come, only whole looks are taken."""
    pairs = {"a": [0.02, -0.02, 0.02, -0.02, 0.02]}
    assert replay(Looks(Policy().paired(), 1), pairs).evidence["a"].n == 5
    assert replay(Looks(Policy().paired(), 1), pairs, open_ended=True).evidence["a"].n == 4
    assert replay(Looks(Policy().paired(), 1), {"a": pairs["a"][:3]}).evidence == {}


def test_a_case_with_two_modes_is_never_the_same() -> None:
    equal = {"a": [0.0001, -0.0001] * (LOOKS[-1] // 2)}
    assert replay(Looks(Policy().paired(), 1), equal).decided == {"a": Verdict.SAME}
    assert replay(Looks(Policy().paired(), 1, never_same={"a"}), equal).decided == {}
