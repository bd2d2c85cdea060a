"""A step is kernels, gaps and what is left: they add up to the timed step, and overlapping kernels count once."""

from __future__ import annotations

import msgspec
import pytest

from harness.values.profile import Profile
from harness.values.run import Run
from reports import html, markdown, pull_request, terminal
from reports.step_view import step_words
from reports.view import build
from tests.reports import golden_files
from tests.reports.run_factory import PROFILED_STEPS, STEP_US, synthetic_run

GAPS_US, SHARED_US = 21, 260


def graph_run() -> Run:
    """Its profiles are of the graph that is timed; the kernels of `autotuned` overlap."""
    run = synthetic_run()
    return msgspec.structs.replace(run, profiles=tuple(_replayed(profile) for profile in run.profiles))


def _replayed(profile: Profile) -> Profile:
    shared_us = SHARED_US if profile.arm == "autotuned" else 0
    busy_ns = profile.gpu_sum_ns - shared_us * 1000 * PROFILED_STEPS
    span_ns = busy_ns + GAPS_US * 1000 * PROFILED_STEPS
    return msgspec.structs.replace(
        profile, engine="cuda_graph", gpu_busy_ns=busy_ns, kernel_busy_ns=busy_ns, span_ns=span_ns
    )


def test_kernels_gaps_and_the_rest_are_the_timed_step() -> None:
    view = build(graph_run())
    assert [parts.arm for parts in view.steps] == ["baseline", "autotuned"]
    for parts, row in zip(view.steps, view.decodes[0].rows, strict=True):
        assert parts.covered_us + parts.gaps_us + parts.left_us == pytest.approx(parts.timed_us)
        assert parts.timed_us == row.time.value and parts.timed_us == pytest.approx(STEP_US[parts.arm], rel=0.02)
        assert parts.gaps_us == pytest.approx(GAPS_US)
    sums = {parts.arm: parts.sum_us - parts.covered_us for parts in view.steps}
    assert sums == {"baseline": pytest.approx(0), "autotuned": pytest.approx(SHARED_US)}


def test_time_that_two_kernels_share_is_taken_off_once() -> None:
    """Total less overlap plus what lies between is the step, in every arm."""
    (table,) = build(graph_run()).categories
    assert table.overlap_us == (0.0, pytest.approx(SHARED_US))
    for step, total, overlap, between in zip(
        table.step_us, table.total.cells, table.overlap_us, table.between_us, strict=True
    ):
        assert step is not None and total is not None and between is not None
        assert total.step_us - overlap + between == pytest.approx(step)


def test_a_floor_saves_no_time_that_another_kernel_covers() -> None:
    apart, overlapping = build(synthetic_run()).categories[0], build(graph_run()).categories[0]
    floors = [next(row.floor_tok_s for row in table.rows if row.name == "MoE") for table in (apart, overlapping)]
    assert floors[0] is not None and floors[1] is not None and floors[1] < floors[0]


def test_eager_steps_explain_no_graph() -> None:
    """Their gaps are the host's."""
    view = build(synthetic_run())
    assert view.steps == () and view.categories[0].overlap_us == (0.0, 0.0)


def test_every_format_says_what_explains_the_step() -> None:
    view = build(graph_run())
    words = [step_words(parts) for parts in view.steps]
    assert "they overlap" in words[1] and "they overlap" not in words[0] and "% of the timed step" in words[0]
    page = html.render(view)
    assert all(sentence in page and sentence in markdown.render(view) for sentence in words)
    assert all(sentence in pull_request.render(view) for sentence in words)
    golden_files.check("terminal-overlap.txt", terminal.plain(view))
