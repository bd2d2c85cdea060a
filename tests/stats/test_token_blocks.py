"""Means over tokens have honest intervals; identical arms are not flagged, a planted divergence is."""

from __future__ import annotations

import random

import pytest

from harness.stats.token_blocks import difference, direction, judge, mean_of, share_of
from harness.values.quality import QualityVerdict


def correlated(rng: random.Random, count: int, spread: float) -> list[float]:
    """Errors of consecutive blocks with a correlation of 0.3."""
    found, last = [], 0.0
    for _ in range(count):
        last = 0.3 * last + rng.gauss(0, 1)
        found.append(spread * last)
    return found


def test_an_interval_covers_the_mean_of_correlated_blocks_nearly_as_often_as_it_says() -> None:
    """95 % of independent blocks; 30 % correlation between neighbours takes some of it."""
    rng = random.Random(1)
    inside = {0.0: 0, 0.3: 0}
    for _ in range(2000):
        for blocks, key in (([rng.gauss(0, 1) for _ in range(16)], 0.0), (correlated(rng, 16, 1.0), 0.3)):
            found = mean_of(blocks)
            inside[key] += found.low <= 0 <= found.high
    assert inside[0.0] / 2000 == pytest.approx(0.95, abs=0.015)
    assert inside[0.3] / 2000 > 0.84


def test_a_mean_knows_what_it_cannot_be() -> None:
    found = mean_of([0.0, 0.0, 0.0, 1.0], 0.0)
    assert found.value == 0.25 and found.low == 0.0 and found.high > 1


@pytest.mark.parametrize("tokens", [32, 64, 512])
def test_a_share_of_all_tokens_still_has_an_interval(tokens: int) -> None:
    """As wide as the rule of three says, roughly."""
    found = share_of([1.0] * (tokens // 4), tokens)
    assert found.value == 1.0 == found.high and 3 / tokens < 1 - found.low < 4 / tokens
    none = share_of([0.0] * (tokens // 4), tokens)
    assert none.low == 0.0 < none.high


def test_identical_arms_are_never_flagged() -> None:
    """Bit for bit: all distances are zero."""
    zero = [0.0] * 16
    assert judge(zero, zero, zero) is QualityVerdict.AS_ITSELF and direction(zero) == 0


@pytest.mark.parametrize("blocks", [8, 16, 128])
def test_an_arm_that_does_not_repeat_itself_is_flagged_as_often_as_chance_may(blocks: int) -> None:
    """2,000 comparisons of such an arm with itself: distances of one size everywhere, of consecutive tokens alike."""
    rng, flagged = random.Random(blocks), 0
    for _ in range(2000):
        apart, again = ([1e-4 * rng.gammavariate(2, 0.5) for _ in range(blocks)] for _ in range(2))
        change = correlated(rng, blocks, 1e-5)
        flagged += judge(apart, again, change) is not QualityVerdict.AS_ITSELF
    assert flagged / 2000 < 0.003


@pytest.mark.parametrize(("own", "blocks"), [(0.0, 8), (0.0, 16), (2e-3, 16), (2e-3, 128)])
def test_a_planted_divergence_of_a_thousandth_is_found(own: float, blocks: int) -> None:
    """Beside what rounding does to both arms alike (own, 2e-3 is bfloat16 over 40 layers), whose share of either sign
    in the change is as large as the tokens' spread. 32 tokens find it in 95 %, 64 nearly always; with so much rounding
    512 are needed to say as surely which arm is farther."""
    rng = random.Random(blocks)
    differs = farther = 0
    for _ in range(1000):
        apart = [1e-3 * rng.gammavariate(8, 1 / 8) for _ in range(blocks)]
        again = [0.0] * blocks
        change = [a + rng.gauss(0, 0.3 * (own * 1e-3) ** 0.5) for a in apart]
        verdict = judge(apart, again, change)
        differs += verdict is not QualityVerdict.AS_ITSELF
        farther += verdict is QualityVerdict.FARTHER
    assert differs / 1000 > (0.99 if blocks > 8 else 0.94)
    assert farther / 1000 > (0.99 if blocks > 16 else 0.9)


def test_an_arm_that_is_closer_is_said_to_be() -> None:
    rng = random.Random(2)
    apart = [1e-3 * rng.gammavariate(8, 1 / 8) for _ in range(16)]
    assert judge(apart, [0.0] * 16, [-a for a in apart]) is QualityVerdict.CLOSER
    assert judge(apart, [0.0] * 16, [a * (-1) ** place for place, a in enumerate(apart)]) is QualityVerdict.DIFFERS


def test_differences_are_of_the_same_blocks() -> None:
    assert difference([3.0, 5.0], [1.0, 4.0]) == [2.0, 1.0]
    with pytest.raises(ValueError, match="zip"):
        difference([1.0], [1.0, 2.0])
