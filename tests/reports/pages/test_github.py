"""A CI job gets a summary and annotations, and no name becomes a command of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from harness.store import export_run
from harness_reports.pages import github
from harness_reports.views.view import build
from tests.reports.comparison_factory import comparison
from tests.reports.hostile import EVIL, hostile_run
from tests.reports.run_factory import broken_run

JOB = {"GITHUB_ACTIONS": "true"}


def test_wrong_cases_and_regressions_are_annotated() -> None:
    found = list(github.commands(build(broken_run()), comparison(20), JOB))
    assert any(line.startswith("::error title=INCORRECT moe_down") for line in found)
    assert any(line.startswith("::notice title=UNSUPPORTED") for line in found)
    assert sum(line.startswith("::error title=SLOWER") for line in found) == 2
    assert not any("FASTER" in line or "SAME" in line for line in found)


def test_a_comparison_alone_is_annotated() -> None:
    found = list(github.commands(None, comparison(20), JOB))
    assert [line.split("title=")[1].split()[0] for line in found] == ["INVALID", "SLOWER", "SLOWER"]


def test_without_a_job_there_is_nothing() -> None:
    assert list(github.commands(build(broken_run()), comparison(20), {})) == []
    assert github.append_summary("text", {}) is False


def test_a_name_cannot_start_a_command() -> None:
    """One line a command, whatever line ends and colons are in a name."""
    evil = f"{EVIL}\n::set-output name=x::y\r::error::z,title=a"
    line = github.command("error", evil, evil)
    assert "\n" not in line and "\r" not in line
    title = line.removeprefix("::error title=").partition("::")[0]
    assert ":" not in title and "," not in title
    assert all(line.startswith("::") for line in github.commands(build(hostile_run()), comparison(20, name=evil), JOB))


def test_the_command_appends_to_the_summary(tmp_path: Path) -> None:
    """The pull request page goes to the summary, annotations to stderr, and stdout stays data."""
    export_run(broken_run(), "aaaa", tmp_path / "run.json")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    environment = JOB | {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_REPOSITORY": "a/b"}
    arguments = ["report", str(tmp_path / "run.json"), "--out", str(tmp_path / "out"), "--format", "pr,hud"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False, env=environment)
    assert done.exit_code == 0
    assert summary.read_text(encoding="utf-8").startswith("before\n**2 of 9 cases are wrong or failed.**")
    assert "::error" in done.stderr and "::" not in done.stdout
    assert '"repo":"a/b"' in (tmp_path / "out" / "hud.jsonl").read_text(encoding="utf-8")


def test_a_summary_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="GITHUB_STEP_SUMMARY"):
        github.append_summary("text", {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert github.append_summary("text", {"GITHUB_STEP_SUMMARY": str(tmp_path / "s")})
