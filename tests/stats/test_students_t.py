"""Student's t against scipy's."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from harness.stats.students_t import LEAST_TAIL, MOST_DEGREES, probability_above, quantile
from tests.conftest import REPOSITORY

probabilities = st.floats(LEAST_TAIL, 1 - LEAST_TAIL)


@given(probabilities, st.one_of(st.integers(1, MOST_DEGREES + 50), st.floats(0.6, 60)))
def test_quantiles_are_scipys(probability: float, degrees: float) -> None:
    """Whole degrees of freedom and others, up to where the own sums end and beyond."""
    assert quantile(probability, degrees) == pytest.approx(float(stdtrit(degrees, probability)), rel=1e-8, abs=1e-9)


@given(st.floats(1e-12, 1 - 1e-12), st.integers(1, 40))
def test_far_tails(probability: float, degrees: int) -> None:
    assert quantile(probability, degrees) == pytest.approx(float(stdtrit(degrees, probability)), rel=1e-7, abs=1e-9)


@given(st.floats(-50, 50), st.floats(1, 100))
def test_chances_are_scipys(value: float, degrees: float) -> None:
    assert probability_above(value, degrees) == float(stdtr(degrees, -value))


def test_an_interval_of_processes_imports_no_scipy() -> None:
    """It is what makes a report and a known sweep wait."""
    code = (
        "import sys\nfrom harness.stats.students_t import quantile\n"
        "assert abs(quantile(0.975, 3) - 3.182446305284263) < 1e-9\nprint('scipy' in sys.modules)"
    )
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
