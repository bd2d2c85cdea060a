"""Conditions that must agree before two runs are compared."""

from __future__ import annotations

import msgspec

from harness.compare import StoredSide, compare
from harness.values.difference import Difference
from tests.compare.stored_runs import kernel, measured, stored


def test_times_of_two_timers_are_refused_once_however_many_cases_have_them() -> None:
    """An imported or older measurement that names no timer is no difference."""

    def side(timer: str, run_id: str) -> StoredSide:
        cases = [measured(kernel(site), [10.0] * 8) for site in ("a", "b")]
        return StoredSide(stored(*(msgspec.structs.replace(m, timer=timer) for m in cases), run_id=run_id))

    found = compare(side("events", "1"), side("cuda_graph", "2"))
    assert not found.comparable and found.differences == (Difference("timer", "events", "cuda_graph"),)
    assert compare(side("", "1"), side("cuda_graph", "2")).comparable
    assert compare(side("events", "1"), side("cuda_graph", "2"), accept=["timer"]).comparable
