"""Estimates: what they are, and that their intervals cover."""

from __future__ import annotations

import math
import random
import statistics

import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from harness.stats import estimate, median_interval, ratio
from harness.stats.students_t import probability_above, quantile
from harness.values.measurement import Sample

TIMES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)


def samples(values: list[float], process: int = 0) -> list[Sample]:
    return [Sample(value, process, i) for i, value in enumerate(values)]


@given(TIMES)
def test_the_median_lies_in_its_interval_and_the_interval_in_the_data(values: list[float]) -> None:
    middle, low, high, _ = median_interval(values, 0.95)
    assert min(values) <= low <= middle <= high <= max(values)
    assert middle == statistics.median(values)


@pytest.mark.parametrize("n", [6, 7, 20, 60, 3000])
def test_the_order_statistics_are_those_of_the_binomial(n: int) -> None:
    """The chosen pair covers at least 95 %, the next narrower one would not."""
    _, low, high, confidence = median_interval([float(i) for i in range(n)], 0.95)
    rank = int(low)
    assert high == n - 1 - rank
    assert confidence == pytest.approx(1 - 2 * scipy.stats.binom.cdf(rank, n, 0.5)) and confidence >= 0.95
    assert 1 - 2 * scipy.stats.binom.cdf(rank + 1, n, 0.5) < 0.95


@pytest.mark.parametrize(("n", "reached"), [(1, 0.0), (2, 0.5), (3, 0.75), (5, 0.9375)])
def test_too_few_values_say_which_confidence_they_reach(n: int, reached: float) -> None:
    """The range of five values covers the median in 15 of 16 cases, and that is what is claimed."""
    values = [float(i) for i in range(1, n + 1)]
    assert median_interval(values, 0.95) == (statistics.median(values), 1, n, reached)
    found = estimate(samples(values))
    assert found is not None and found.confidence == reached


def test_several_processes_give_the_t_interval_of_the_logs_of_their_medians() -> None:
    medians = [10.0, 10.1, 9.9, 10.05]
    found = estimate([s for p, m in enumerate(medians) for s in samples([m, m * 0.5, m * 2], p)])
    logs = [math.log(m) for m in medians]
    low, high = scipy.stats.t.interval(0.95, 3, statistics.fmean(logs), scipy.stats.sem(logs))
    assert found is not None and (found.level, found.n) == ("process", 4)
    assert found.low == pytest.approx(math.exp(low)) and found.high == pytest.approx(math.exp(high))


def test_one_process_is_never_surer_than_the_noise_between_processes() -> None:
    found = estimate(samples([10.0] * 50))
    assert found is not None and (found.level, found.noise) == ("round", "assumed")
    assert found.half_width == pytest.approx(1.96 * 0.004 * 10, rel=1e-3)


def test_no_samples_have_no_estimate() -> None:
    assert estimate([]) is None and ratio([], samples([1.0])) is None


def simulated(rng: random.Random, processes: int, first: int = 0, scale: float = 10.0) -> list[Sample]:
    """0.4 % between processes, 0.1 % within."""
    found = []
    for process in range(first, first + processes):
        centre = scale * math.exp(rng.gauss(0, 0.004))
        found += samples([centre * math.exp(rng.gauss(0, 0.001)) for _ in range(20)], process)
    return found


@pytest.mark.parametrize("processes", [1, 5])
def test_intervals_cover_the_truth_as_often_as_they_say(processes: int) -> None:
    """95 % within four standard errors of 400 trials: 90.6 to 99.4 %."""
    rng = random.Random(7)
    found = [estimate(simulated(rng, processes)) for _ in range(400)]
    share = sum(e is not None and e.low <= 10 <= e.high for e in found) / 400
    assert 0.906 <= share <= 0.994


@pytest.mark.parametrize("first", [0, 5], ids=["same processes", "other processes"])
def test_ratios_cover_a_true_difference_as_often_as_they_say(first: int) -> None:
    rng = random.Random(11)
    hits = 0
    for _ in range(400):
        found = ratio(simulated(rng, 5), simulated(rng, 5, first, 10.3))
        assert found is not None
        hits += found.low <= 1.03 <= found.high
    assert 0.906 <= hits / 400 <= 0.994


def test_what_is_common_to_a_process_cancels_in_the_ratio() -> None:
    base = [s for p, m in enumerate((10.0, 11.0, 9.0)) for s in samples([m], p)]
    head = [s for p, m in enumerate((10.0, 11.0, 9.0)) for s in samples([m * 1.05], p)]
    found = ratio(base, head)
    assert found is not None and found.level == "pair"
    assert found.low == pytest.approx(1.05) and found.high == pytest.approx(1.05)
    assert found.words == "1.050x slower"


def test_processes_of_two_runs_are_no_pairs_though_they_have_the_same_numbers() -> None:
    """The planted fault would be an interval of no width."""
    base, head = ([s for p, m in enumerate((10.0, 11.0, 9.0)) for s in samples([m * f], p)] for f in (1, 1.05))
    found = ratio(base, head, paired=False)
    assert found is not None and found.level == "process" and found.low < 1 < found.high


@given(st.integers(1, 300) | st.floats(1, 200), st.floats(0.5, 0.999999), st.floats(-30, 30))
@example(degrees=1.0, probability=0.998046875, value=0.0)
@example(degrees=1, probability=0.999999, value=0.0)
@example(degrees=1, probability=0.75, value=0.0)
def test_students_t_is_that_of_scipy(degrees: float, probability: float, value: float) -> None:
    """To what a probability below 1 tells of its tail: the spacing of doubles there is 1.1e-16."""
    relative = 1e-12 + 1e-15 / (1 - probability)
    t = scipy.stats.t(degrees)
    wanted = t.ppf(probability)
    if degrees == int(degrees):  # computed here; scipy 1.13 inverts its own tail to 1e-11 alone
        wanted += (t.sf(wanted) - (1 - probability)) / t.pdf(wanted)
    assert quantile(probability, degrees) == pytest.approx(wanted, rel=relative, abs=1e-12)
    assert probability_above(value, degrees) == pytest.approx(scipy.stats.t.sf(value, degrees))


def test_a_ratio_agrees_with_welch_in_scipy() -> None:
    base, head = [10.0, 10.2, 9.9, 10.1], [10.4, 10.5, 10.3]
    found = ratio(
        [s for p, m in enumerate(base) for s in samples([m], p)],
        [s for p, m in enumerate(head) for s in samples([m], p + 10)],
    )
    wanted = scipy.stats.ttest_ind(
        [math.log(m) for m in head], [math.log(m) for m in base], equal_var=False
    ).confidence_interval(0.95)
    assert found is not None and found.level == "process"
    assert math.log(found.low) == pytest.approx(wanted.low) and math.log(found.high) == pytest.approx(wanted.high)
