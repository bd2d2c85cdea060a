"""`harness compare` as a script sees it: exit status, JSON, one-line errors; and as a reader does."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from harness import reports_root
from harness.cli.main import app
from harness.compare import StoredSide, compare
from harness.store import Store
from harness.values.environment import Environment
from harness.values.reason import SameCode, reason_words
from tests.compare.stored_runs import decode, measured, stored, two_runs

TIMES = {"a": (10.0, 11.0), "b": (20.0, 20.0)}


@pytest.fixture
def location(tmp_path: Path) -> str:
    """A store with a base, a slower head, and one measured with another driver."""
    path = str(tmp_path / "runs.sqlite")
    store = Store(path)
    base, head = two_runs(TIMES)
    assert isinstance(head.run.environment, Environment)
    elsewhere = msgspec.structs.replace(head.run.environment, driver="571")
    for number, run in enumerate((base.run, head.run, msgspec.structs.replace(head.run, environment=elsewhere))):
        store.add_run(run, f"uuid-{number}")
    return path


def test_the_exit_status_and_json_are_what_scripts_rely_on(location: str) -> None:
    found = CliRunner().invoke(app, ["compare", "1", "2", "--store", location, "--json"])
    document = json.loads(found.stdout)
    assert found.exit_code == document["exit_status"] == 1
    assert document["schema"] == 1 and document["comparable"] and document["differences"] == []
    keys = {"case", "metric", "verdict", "ratio", "low", "high", "confidence", "pairs", "reason"}
    assert all(keys <= set(verdict) for verdict in document["verdicts"])
    assert [verdict["verdict"] for verdict in document["verdicts"]] == ["SLOWER", "SAME"]


def test_the_other_way_round_is_faster_and_status_0(location: str) -> None:
    found = CliRunner().invoke(app, ["compare", "2", "1", "--store", location])
    assert found.exit_code == 0 and "FASTER" in found.stdout and "exit status 0" in found.stdout


def test_what_is_not_comparable_is_one_line_and_status_4(location: str) -> None:
    """On standard error without --json; with it a document that says so."""
    command = [sys.executable, "-m", "harness", "compare", "1", "3", "--store", location]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 4 and done.stdout == ""
    assert done.stderr == "error: runs 1 and 3 are not comparable: driver: 570.00 -> 571 (or --accept driver)\n"
    found = CliRunner().invoke(app, ["compare", "1", "3", "--store", location, "--json"])
    assert found.exit_code == 4 and json.loads(found.stdout)["differences"] == ["driver: 570.00 -> 571"]
    accepted = CliRunner().invoke(app, ["compare", "1", "3", "--store", location, "--accept", "driver"])
    assert accepted.exit_code == 1 and "differs, accepted  driver: 570.00 -> 571" in accepted.stdout


@pytest.mark.parametrize("columns", [40, 80, 130])
def test_every_verdict_can_be_read_at_every_width(columns: int) -> None:
    """No line is wider than the terminal, no verdict or case is cut, brackets in names are no markup."""
    reports_root.bind()
    from harness_reports.pages.comparison import render

    base, head = two_runs(TIMES)
    runs = [
        StoredSide(
            stored(
                *side.run.measurements,
                measured(decode(), [100.0 + i] * 8, 20_000_000_000),
                run_id=side.run.id,
                note="[bold]first[/bold] try",
            )
        )
        for i, side in enumerate((base, head))
    ]
    out = io.StringIO()
    Console(file=out, width=columns, color_system=None).print(render(compare(*runs)))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= columns
    flat = "".join(text.split())
    assert columns < 80 or all(verdict.case in text for verdict in compare(*runs).verdicts)
    for shown in ("SLOWER", "SAME", "1.103xslower", "equal", "[bold]first[/bold]try", "exitstatus1"):
        assert shown in flat


def test_what_was_not_measured_says_why() -> None:
    """A measured SAME has its interval; one without figures has its reason, in the text and in Markdown."""
    reports_root.bind()
    from harness_reports.pages import comparison_markdown
    from harness_reports.pages.comparison import render

    found = compare(*two_runs(TIMES))
    same = next(v for v in found.verdicts if v.verdict == "SAME")
    skipped = msgspec.structs.replace(same, case="c", ratio=None, base=None, head=None, reason=SameCode())
    found = msgspec.structs.replace(found, verdicts=(same, skipped))
    interval = reason_words(same.reason)
    console = Console(file=io.StringIO(), width=300)
    console.print(render(found))
    for text in (console.file.getvalue(), comparison_markdown.render(found)):  # type: ignore[attr-defined]
        assert text.count("run the same code with the same tunables") == 1 and interval not in text, text


def test_comparing_loads_no_torch(location: str) -> None:
    script = (
        "import sys; sys.argv = ['harness', 'compare', '1', '2', '--store', sys.argv[1]]\n"
        "from harness.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 1, end.code\n"
        "assert not {'torch', 'triton', 'scipy.stats', 'matplotlib'} & set(sys.modules)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, location], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr
