"""Figures of outside programs as a page has them."""

from __future__ import annotations

import msgspec

from harness_reports.views.view import build
from tests.reports.outside_factory import outside_run


def test_one_process_of_a_program_tells_no_small_difference() -> None:
    """Two programs that are 10 % apart, each run once: a short one varies by as much from process to process."""
    run = outside_run()
    once = [msgspec.structs.replace(m, samples=m.samples[:1]) for m in run.measurements]
    [time, _] = build(msgspec.structs.replace(run, processes=1, measurements=tuple(once))).figures
    ratio = time.rows[1].ratio
    assert ratio is not None and ratio.low < 1 < ratio.high
    [time, _] = build(run).figures
    ratio = time.rows[1].ratio
    assert ratio is not None and ratio.high < 1
