"""`--quiet` leaves verdicts, summaries and errors."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from harness.cli import quiet
from harness.cli.main import app
from harness_reports.formats.console import plain
from harness_reports.pages import comparison as comparison_page
from harness_reports.pages import compilers as compilers_page
from harness_reports.pages import interpreters as interpreters_page
from harness_reports.pages import static_comparison as static_page
from harness_reports.pages import terminal
from harness_reports.views.view import build
from tests.commands import REPOSITORY
from tests.reports.comparison_factory import comparison, interpreter_matrix
from tests.reports.compiler_factory import compiler_matrix
from tests.reports.run_factory import synthetic_run
from tests.reports.table_factory import static_comparison


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("run a.yaml", "run a.yaml"),
        ("--quiet run a.yaml", "--quiet run a.yaml"),
        ("run a.yaml --quiet -k x", "--quiet run a.yaml -k x"),
        ("compare a b -- ./b --quiet", "compare a b -- ./b --quiet"),
        ("compare --quiet a b -- ./b --quiet", "--quiet compare a b -- ./b --quiet"),
    ],
)
def test_the_option_may_stand_anywhere_before_a_program(given: str, wanted: str) -> None:
    assert quiet.option_first(given.split()) == wanted.split()


def test_the_summary_stands_first_and_alone_when_quiet() -> None:
    """Of a run and of a comparison: the same lines as above the tables."""
    view, found = build(synthetic_run(3)), comparison(8)
    assert terminal.plain(view).startswith(plain(terminal.summary(view)))
    assert "faster" in plain(terminal.summary(view)) and "us per step" not in plain(terminal.summary(view))
    first = plain(comparison_page.summary(found)).splitlines()
    assert plain(comparison_page.render(found)).splitlines()[: len(first) - 1] == first[:-1]
    assert first[0].startswith("SLOWER") and first[-1] == "exit status 1"


def test_a_quiet_matrix_has_its_verdict_and_reasons_and_no_table() -> None:
    """Of binaries, compilers and interpreters: the lines of the whole output but for its tables."""
    static, compilers, interpreters = static_comparison(), compiler_matrix(), interpreter_matrix()
    for summary, whole in (
        (static_page.summary(static), static_page.render(static)),
        (compilers_page.summary(compilers), compilers_page.render(compilers)),
        (interpreters_page.summary(interpreters), interpreters_page.render(interpreters, (None, None))),
    ):
        lines, all_lines = plain(summary).splitlines(), plain(whole).splitlines()
        assert lines[-1].startswith("exit status ") and len(lines) < len(all_lines)
        assert any("SLOWER" in line or "WORSE" in line for line in lines)


def test_a_quiet_check_says_nothing_but_its_result() -> None:
    """No progress on standard error; without the option there is some. Errors stay."""
    runner = CliRunner()
    arguments = ["check", str(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"), "--static"]
    assert "cases" in runner.invoke(app, arguments).stderr
    done = runner.invoke(app, ["--quiet", *arguments])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert not quiet.is_quiet(), "of that call alone"
