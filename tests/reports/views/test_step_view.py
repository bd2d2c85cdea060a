"""A step is kernels, gaps and what is left: they add up to the timed step, and overlapping kernels count once."""

from __future__ import annotations

import msgspec
import pytest

from harness.values.profile import Profile, SiteWork
from harness.values.run import Run
from reports.figures import number
from reports.pages import html, markdown, pull_request, terminal
from reports.views.step_view import step_words
from reports.views.view import build
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
    assert all(sentence in markdown.render(view) for sentence in words)
    page = html.render(view)
    for parts in view.steps:
        assert f">{number(parts.profiled_us, 4)}</td>" in page and f">{number(parts.timed_us, 4)}</td>" in page
    assert f">-{number(view.steps[1].overlap_us)}</td>" in page and "Do the kernels explain the step?" in page
    assert all(sentence in pull_request.render(view) for sentence in words)
    golden_files.check("terminal-overlap.txt", terminal.plain(view))


def test_a_category_says_what_it_moves_and_how_fast() -> None:
    """Only where every op of it is known and has all its kernels there: `int4mm` has a site without work here."""
    run = graph_run()
    work = (
        SiteWork("moe_gate_up@experts", 40, 340_000_000, 1_000_000, 0),
        SiteWork("moe_down@experts", 40, 170_000_000, 1_000_000, 0),
        SiteWork("int4_mm@lm_head", 1, 262_000_000, 500_000, 0),
    )
    profiles = tuple(msgspec.structs.replace(profile, work=work) for profile in run.profiles)
    view = build(msgspec.structs.replace(run, profiles=profiles))
    (table,) = view.categories
    rows = {row.name: row for row in table.rows}
    moe, last = rows["MoE"], rows["MoE"].cells[-1]
    assert moe.least_bytes == 512_000_000 and last is not None and view.read_gb_s is not None
    assert moe.gb_s == pytest.approx(512e6 / last.step_us / 1e3)
    assert moe.read_share == pytest.approx(512e6 / (view.read_gb_s * 1e3) / last.step_us)
    assert rows["int4mm"].least_bytes is None and rows["int4mm"].read_share is None
    assert "| MB | GB/s | Of read |" in markdown.render(view) and "of read" in terminal.plain(view)
    assert html.render(view).count("</tr>") == html.render(build(graph_run())).count("</tr>")
    assert not build(graph_run()).categories[0].moved
    lines = markdown.render(view).split("\n| us per decode step")[1].split("\n\n")[0].split("\n")
    assert len({line.count("|") for line in lines[1:]}) == 1 and lines[1].count("|") == lines[0].count("|") + 1
