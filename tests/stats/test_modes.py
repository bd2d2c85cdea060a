"""Two modes are seen where there are two, and rarely where there is one."""

from __future__ import annotations

import random

import pytest

from harness.stats.modes import LEAST_PROCESSES, two_modes


@pytest.mark.parametrize("n", [12, 16, 24, 32, 48])
def test_one_mode_is_rarely_called_two(n: int) -> None:
    """Normal noise of 0.4 %: in at most 2 % of 500."""
    rng = random.Random(n)
    assert sum(two_modes([rng.gauss(0, 0.004) for _ in range(n)]) for _ in range(500)) <= 10


@pytest.mark.parametrize("n", [16, 24, 48])
def test_a_slow_third_is_seen(n: int) -> None:
    """Three processes in ten 6 % slower, 0.5 % noise: in at least 80 % of 300."""
    rng = random.Random(n)
    seen = sum(two_modes([rng.gauss(0.06 * (rng.random() < 0.3), 0.005) for _ in range(n)]) for _ in range(300))
    assert seen >= 240


def test_few_processes_close_modes_and_one_outlier_say_nothing() -> None:
    rng = random.Random(1)
    apart = [0.0, 0.1] * 20
    assert not two_modes(apart[: LEAST_PROCESSES - 1])
    assert two_modes([x + rng.gauss(0, 0.001) for x in apart])
    assert not two_modes([0.04 * x + rng.gauss(0, 1e-5) for x in apart])
    assert not two_modes([*(rng.gauss(0, 0.002) for _ in range(23)), 0.1])
