"""An attempt in words: no exponents, and nothing is predicted from a difference that cannot be told."""

from __future__ import annotations

import random

import msgspec
import pytest

from harness.values.attempt import Attempt, Prediction
from harness.values.measurement import Correctness
from harness_reports.pages.attempt import lines
from tests.compare.stored_runs import kernel, measured, noisy


@pytest.mark.parametrize(("other_us", "told"), [(1400.0, True), (1250.2, False)])
def test_end_to_end_follows_from_a_difference_that_was_seen(other_us: float, told: bool) -> None:
    """1,250 us a call against 1,400 would bring 600 us a token; against 1,250.2 nobody knows."""
    rng = random.Random(1)
    own, other = (measured(kernel("a"), noisy(rng, value, spread=0.01)) for value in (1250.0, other_us))
    own = msgspec.structs.replace(own, correctness=Correctness(True, 0.001, 0.0005, 0.01, 0.004, 0, 64))
    attempt = Attempt("2026-11-23T06:10:00", "a.py", "", own, against=other, predicted=Prediction(4, -600.0, 6000.0))
    shown = "\n".join(lines(attempt, (attempt, 1480.0)))
    assert ("end to end" in shown) == told and ("not clearly different" in shown) != told
    assert "± " in shown and "us (95 %" in shown and "1,480 us" in shown and "e+" not in shown
