"""What calibration says of a machine is what was planted in it: noise, the effect of the order, lasting offsets."""

from __future__ import annotations

import numpy as np
import pytest

from harness.compare.calibration import noise_of
from harness.compare.offset import CHANCE, allowance
from harness.compare.pairs import Pairs
from harness.values.pairing import CaseNoise, Noise
from tests.compare.noise import Machine, Offsets, common_offsets, independent, n2, own_offsets, second_slower, together

CASES = 20
QUIET = independent(0.004)


def calibrated(
    slots: object = QUIET, offsets: Offsets | None = None, *, suites: int = 30, seed: int = 7
) -> list[Noise]:
    return Machine(QUIET, slots, offsets).noise(np.random.default_rng(seed), suites, CASES)


def test_a_calibration_needs_sixteen_pairs() -> None:
    """Three pairs of worktrees are too few; four have one degree less for each of them and one for the order."""
    rng = np.random.default_rng(8)
    groups = [Pairs([0.0] * 4, rng.normal(0, 0.005, 4).tolist(), (True, False, False, True)) for _ in range(4)]
    assert noise_of({"a": groups[:3]}).cases == {}
    known = noise_of({"a": groups}).cases["a"]
    assert (known.pairs, known.degrees) == (16, 11) and known.pair_variance == pytest.approx(0.005**2, rel=0.8)


def test_the_variance_of_a_pair_is_what_it_is_without_offsets_and_order() -> None:
    """An effect of the order of 2 % and offsets of 1 % are no noise."""
    for noise in (calibrated(), calibrated(together(QUIET, second_slower(0.02)), own_offsets(0.01))):
        variances = [case.pair_variance for of_suite in noise for case in of_suite.cases.values()]
        assert np.mean(variances) == pytest.approx(2 * 0.004**2, rel=0.05)


def test_an_effect_of_the_order_is_estimated_with_its_error() -> None:
    """1 %, of every case and of all; the stated error covers it, and where there is none it is not shown."""
    found = calibrated(together(QUIET, second_slower(0.01)))
    assert np.mean([case.order for of_suite in found for case in of_suite.cases.values()]) == pytest.approx(
        0.01, rel=0.05
    )
    misses = [abs(of_suite.order - 0.01) / of_suite.order_error for of_suite in found]
    assert np.mean(np.array(misses) < 2.1) >= 0.8
    assert np.mean([abs(of_suite.order) < 2.1 * of_suite.order_error for of_suite in calibrated()]) >= 0.8


def test_an_offset_that_all_cases_share_is_learned() -> None:
    found = calibrated(n2, common_offsets(0.01))
    assert np.mean([of_suite.offset_chance <= CHANCE for of_suite in found]) >= 0.9
    assert np.sqrt(np.mean([of_suite.offset**2 for of_suite in found])) == pytest.approx(0.01, rel=0.25)


def test_offsets_of_the_cases_are_learned() -> None:
    """Pooled where all cases have some of one size, each by itself where they have not."""
    equal = [case for of_suite in calibrated(n2, own_offsets(0.005)) for case in of_suite.cases.values()]
    assert np.sqrt(np.mean([case.offset**2 for case in equal])) == pytest.approx(0.005, rel=0.1)
    assert np.median([case.offset_degrees for case in equal]) == 6 * (CASES - 1)
    for of_suite in calibrated(n2, own_offsets(0.03, cases_touched=1)):
        sizes = [case.offset for case in of_suite.cases.values()]
        assert max(sizes) == sizes[0] and of_suite.cases["0"].offset_degrees == 6


def test_offsets_that_are_not_there_are_not_seen() -> None:
    """A common one in at most 10 % of calibrations, and then a small one; what is allowed for the cases' own stays
    within the margin that holds anyway."""
    found = calibrated(n2, suites=60)
    assert np.mean([of_suite.offset_chance <= CHANCE for of_suite in found]) <= 0.1
    alone = [Noise(of_suite.cases, worktree_pairs=6) for of_suite in found]
    assert np.mean([allowance(of_suite, "0", CASES).moved <= 0.0025 for of_suite in alone]) >= 0.95


def test_more_cases_and_fewer_worktrees_ask_for_more() -> None:
    """Student's t of the offset's degrees, at the share of the family; SAME is asked case by case."""
    own = Noise({"a": CaseNoise(1e-5, 17, 0.003, 24, offset=0.01, offset_degrees=114)}, worktree_pairs=6)
    assert allowance(own, "a", 1).moved == pytest.approx(0.01 * 2.62, rel=0.01)
    assert allowance(own, "a", 20).moved == pytest.approx(0.01 * 3.58, rel=0.01)
    assert allowance(own, "a", 20).same == allowance(own, "a", 1).same == pytest.approx(0.01 * 1.98, rel=0.01)
    assert allowance(own, "another", 20) == allowance(own, "a", 20), "a case that was not calibrated is like the others"
    common = [Noise(offset=0.01, worktree_pairs=worktrees) for worktrees in (4, 6)]
    assert [allowance(noise, "a", 20).moved for noise in common] == pytest.approx([0.0460, 0.0371], rel=0.01)
    by_chance = Noise(offset=0.01, worktree_pairs=6, offset_chance=0.3)
    assert allowance(by_chance, "a", 20).moved == 0 and allowance(by_chance, "a", 20).same > 0.02
