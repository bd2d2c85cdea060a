"""A page of a comparison draws the base and holds the explanation."""

from __future__ import annotations

from html import unescape
from pathlib import Path

from typer.testing import CliRunner

from harness.cli.main import app
from harness.store import export_run
from harness_reports.figures import number
from harness_reports.pages import write
from harness_reports.views.explanation import lines
from tests.reports.comparison_factory import explained_arms
from tests.reports.run_factory import synthetic_run


def against_page() -> str:
    run, comparison, explanation = explained_arms()
    return write.page(run, "html", write.Beside(comparison, explanation=explanation))


def test_the_page_has_every_line_of_the_explanation() -> None:
    _, _, explanation = explained_arms()
    said, page = list(lines(explanation)), unescape(against_page())
    assert {word for word, _ in said} >= {"why", "profile"}
    for _, words in said:
        assert words in page


def test_base_stands_beside_head_in_times_and_categories() -> None:
    _, comparison, explanation = explained_arms()
    _, times, categories, *_ = against_page().split('<div class="plot"')
    for verdict in comparison.verdicts:
        if verdict.is_time and verdict.base is not None and verdict.head is not None:
            for value in (verdict.base, verdict.head):
                assert f">{number(value, 4)} us</span>" in times
    (profile,) = explanation.profiles
    for change in profile.categories:
        assert change.name in categories
        for ns in (change.base_ns, change.head_ns):
            assert f">{number(ns / 1e3 / profile.steps)} us</span>" in categories


def test_the_first_screen_adds_the_kernels_up() -> None:
    """One sentence in place of a formula, as for a run of several arms."""
    page = against_page()
    reason = page[page.index('<div class="reason">') : page.index("</section>")]
    assert "predict" in reason and "were measured" in reason and " = " not in reason


def test_a_comparison_without_times_has_no_empty_card() -> None:
    run, comparison, _ = explained_arms()
    refused = type(comparison)(comparison.base, comparison.head, False)
    page = write.page(run, "html", write.Beside(refused))
    assert "NOT COMPARABLE" in page and '<div class="bars">' not in page


def test_the_command_compares_arms_of_a_run(tmp_path: Path) -> None:
    export_run(synthetic_run(3), "0" * 8, tmp_path / "run.json")
    sides = [f"{tmp_path / 'run.json'}:{arm}" for arm in ("autotuned", "baseline")]
    arguments = ["report", sides[0], "--against", sides[1], "--format", "html", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, "--store", str(tmp_path / "none.sqlite")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Base beside head by category" in page and "Explanation" in page
