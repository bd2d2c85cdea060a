"""Differences of two sides are those of scipy and of least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.difference import fit_ordered_pairs, paired, welch

logs = st.floats(-0.1, 0.1, allow_subnormal=False).map(lambda x: round(x, 6))


def spread(values: list[float]) -> bool:
    return max(values) - min(values) > 1e-5


@given(st.lists(logs, min_size=2, max_size=24).filter(spread))
def test_pairs_have_the_interval_of_the_one_sample_t_test(ratios: list[float]) -> None:
    found = paired(ratios)
    peer = stats.ttest_1samp(ratios, 0.0).confidence_interval(0.98)
    half = found.half_width(0.98)
    assert (found.centre - half, found.centre + half) == pytest.approx((peer.low, peer.high), rel=1e-6, abs=1e-9)
    assert found.n == len(ratios)


@given(st.lists(logs, min_size=3, max_size=12).filter(spread), st.lists(logs, min_size=3, max_size=12).filter(spread))
def test_processes_have_the_interval_of_welchs_test(base: list[float], head: list[float]) -> None:
    found = welch(base, head)
    peer = stats.ttest_ind(head, base, equal_var=False)
    interval = peer.confidence_interval(0.98)
    half = found.half_width(0.98)
    assert found.degrees == pytest.approx(peer.df, rel=1e-6)
    assert (found.centre - half, found.centre + half) == pytest.approx(
        (interval.low, interval.high), rel=1e-6, abs=1e-9
    )


@given(st.lists(st.tuples(logs, st.booleans()), min_size=4, max_size=24))
def test_the_order_is_a_covariate_of_least_squares(pairs: list[tuple[float, bool]]) -> None:
    """The intercept of x = change + effect * (1 or -1), with its error and degrees."""
    ratios, orders = [x for x, _ in pairs], [first for _, first in pairs]
    if all(orders) or not any(orders):
        return
    design = np.array([[1.0, 1.0 if first else -1.0] for first in orders])
    coefficients, *_ = np.linalg.lstsq(design, np.array(ratios), rcond=None)
    residual = np.array(ratios) - design @ coefficients
    variance = float(residual @ residual) / (len(ratios) - 2)
    error = float(np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0]))
    found = fit_ordered_pairs(ratios, orders).difference
    assert found.centre == pytest.approx(coefficients[0], abs=1e-9)
    assert found.error == pytest.approx(error, rel=1e-6, abs=1e-9) and found.degrees == len(ratios) - 2


@given(st.lists(st.tuples(logs, st.booleans()), min_size=4, max_size=24), st.floats(-0.5, 0.5))
def test_an_effect_of_the_order_changes_neither_centre_nor_error(
    pairs: list[tuple[float, bool]], effect: float
) -> None:
    orders = [first for _, first in pairs]
    if all(orders) or not any(orders):
        return
    plain = fit_ordered_pairs([x for x, _ in pairs], orders).difference
    shifted = fit_ordered_pairs([x + (effect if first else -effect) for x, first in pairs], orders).difference
    assert shifted == pytest.approx(plain, abs=1e-7)
