"""The first screen answers: is it faster, can it be trusted, why."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from harness_reports.charts import charts
from harness_reports.views.glance_view import glance
from harness_reports.views.view import View, build
from tests.reports.comparison_factory import comparison
from tests.reports.run_factory import broken_run, synthetic_run


@pytest.fixture(scope="module")
def view() -> View:
    return build(synthetic_run(processes=3))


def test_the_fastest_arm_is_the_answer_and_its_kernels_the_reason(view: View) -> None:
    found = glance(view)
    assert found is not None
    row, entry = view.decodes[0].rows[1], view.explained[0]
    assert row.ratio is not None and found.word == row.ratio.words and found.interval == row.ratio.interval
    assert found.tone == "better" and found.sentence.startswith("autotuned against baseline: decode at batch 1")
    assert f"{entry.predicted_us:,.0f} us less per step" in found.why and "moe_gate_up" in found.why
    assert "cases correct" in found.trust[0]
    assert "3 fresh processes" in found.trust[1]


def test_bars_are_as_long_as_their_rates(view: View) -> None:
    """In percent of one axis that begins at zero, with the ends of the interval; the end of the longest fills it."""
    found = glance(view)
    assert found is not None
    (chart,) = found.charts
    rows = view.decodes[0].rows
    assert chart.bars[0].length / chart.bars[1].length == pytest.approx(rows[0].tok_s.value / rows[1].tok_s.value)
    assert max(bar.high for bar in chart.bars) == pytest.approx(100) and chart.bars[0].low < chart.bars[0].length
    assert chart.bound is None and "bound by memory bandwidth" in chart.bound_text, "too far away to draw"
    near = replace(view.decodes[0], bound_tok_s=1.5 * rows[1].tok_s.high)
    found = glance(replace(view, decodes=(near,)))
    assert found is not None and found.charts[0].bound == 100
    assert max(bar.high for bar in found.charts[0].bars) == pytest.approx(100 / 1.5)


def test_an_arm_that_is_not_faster_is_not_called_so(view: View) -> None:
    """The first arm is never the answer beside another one, though it be the fastest."""
    first, second = view.decodes[0].rows
    assert second.ratio is not None
    ratio = msgspec.structs.replace(second.ratio, value=1.2, low=1.19, high=1.21)
    slow = replace(second, tok_s=msgspec.structs.replace(second.tok_s, value=first.tok_s.value / 1.2), ratio=ratio)
    found = glance(replace(view, decodes=(replace(view.decodes[0], rows=(first, slow)),)))
    assert found is not None and (found.word, found.tone) == ("1.200x slower", "worse")


def test_without_a_decode_the_longest_kernel_answers(view: View) -> None:
    found = glance(replace(view, decodes=(), explained=()))
    assert found is not None and found.sentence.endswith("us a call.") and "longest of 2 compared" in found.why
    assert glance(replace(view, decodes=(), kernels=(), figures=())) is None


def test_a_comparison_draws_base_and_head() -> None:
    """Of the cases that decide, the worst first, under its verdict."""
    found = glance(build(broken_run()), comparison(8))
    assert found is not None and found.word == "SLOWER" and found.tone == "worse"
    assert [bar.label for bar in found.charts[0].bars] == ["base", "head"]
    assert "4 more have the same answer" in found.trust[-1] and found.trust[0].startswith("int4_mm@site0")
    assert "SLOWER" in found.charts[0].title and found.charts[0].bars[1].length == 100 > found.charts[0].bars[0].length


def test_time_that_kernels_share_makes_no_bar_longer(view: View) -> None:
    """An arm's bars add up to the time that its kernels cover."""
    table = view.categories[0]
    sums = [cell.step_us for cell in table.total.cells if cell]
    table = replace(table, overlap_us=(0.0, sums[1] / 4))
    bars = [bar for group in charts._category_panel(view, table).groups for bar in group]
    covered = [sum(bar.value for bar in bars if bar.arm == arm) for arm in (0, 1)]
    assert covered == pytest.approx([sums[0], 0.75 * sums[1]])
