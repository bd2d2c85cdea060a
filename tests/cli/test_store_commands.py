"""show, export and import as a user meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import ExitStatus, HarnessError
from harness.store import Store
from harness.values.case import Case
from tests.compare.stored_runs import SUITE, kernel, measured, stored
from tests.conftest import REPOSITORY


@pytest.fixture
def location(tmp_path: Path) -> str:
    """One complete run of two arms with one answer, and one that its writer left."""
    path = str(tmp_path / "runs.sqlite")
    store = Store(path)
    base = measured(kernel("a", op="int4_mm"), [10.0])
    shared: Case = msgspec.structs.replace(kernel("a", "autotuned"), same_as=base.case.id)
    run = stored(base, planned=(base.case, shared), note="[bold]first[/bold]")
    run = msgspec.structs.replace(run, sources={**run.sources, "text of int4_mm": "def run(): ...\n"})
    store.add_run(run, "uuid-1")
    store.add_run(msgspec.structs.replace(run, state="partial", planned=(*run.planned, kernel("b"))), "uuid-2")
    return path


def harness(*arguments: str, store: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--store", store])


def test_show_lists_the_runs_and_how_far_each_got(location: str) -> None:
    """A case that another one stands for is none to wait for; brackets in a note are no markup."""
    lines = harness("show", store=location).stdout.splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdigit()]
    assert rows[0][4:6] == ["complete", "1"] and rows[1][4:8] == ["partial", "1", "of", "2"]
    assert any("[bold]first[/bold]" in line for line in lines)
    document = json.loads(harness("show", "--json", store=location).stdout)
    assert [(run["id"], run["uuid"], run["measured"]) for run in document["runs"]] == [
        ("1", "uuid-1", 1),
        ("2", "uuid-2", 1),
    ]


def test_a_sweep_plans_no_cases_and_counts_what_it_confirmed(tmp_path: Path) -> None:
    location = str(tmp_path / "runs.sqlite")
    swept = stored(measured(kernel("a"), [10.0]), planned=())
    for state in ("partial", "complete"):
        Store(location).add_run(msgspec.structs.replace(swept, state=state), state)
    rows = [line.split() for line in harness("show", store=location).stdout.splitlines()]
    assert [row[4:6] for row in rows if row[:1] in (["1"], ["2"])] == [["partial", "1"], ["complete", "1"]]


def test_show_without_any_run_says_how_to_make_one(tmp_path: Path) -> None:
    found = harness("show", store=str(tmp_path / "none.sqlite"))
    assert found.exit_code == 0 and "harness run SUITE" in found.stdout
    assert list(tmp_path.iterdir()) == []


def test_show_of_one_run_has_its_samples_as_json(location: str) -> None:
    document = json.loads(harness("show", "1", "--json", store=location).stdout)
    assert document["schema"] == 1 and document["cases"][0]["samples_us"] == pytest.approx([9.99, 10.0, 10.01])


def test_show_prints_the_source_that_was_measured(location: str) -> None:
    """The version of three hours ago that was fast."""
    assert harness("show", "last", "--source", "int4_mm@a", store=location).stdout == "def run(): ...\n"
    with pytest.raises(HarnessError, match="--source sdpa: no id contains this; near: int4_mm@a"):
        raise harness("show", "1", "--source", "sdpa", store=location).exception or AssertionError


def test_a_run_is_carried_to_another_store(location: str, tmp_path: Path) -> None:
    """Importing prints its number there, and again the same number; a file can be exported again as the same run."""
    file, again, other = (str(tmp_path / name) for name in ("run.json.gz", "again.json.gz", "other.sqlite"))
    assert harness("export", "last", file, store=location).exit_code == 0
    assert harness("export", file, again, store=location).exit_code == 0
    assert [harness("import", name, store=other).stdout for name in (file, again)] == ["1\n", "1\n"]
    here, there = Store(location).load("1"), Store(other).load("last")
    assert here == there and SUITE in there.sources.values()


def test_what_is_printed_is_utf_8_whatever_the_locale(location: str) -> None:
    """A terminal without a locale must not end a finished run in an error."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "harness", "show", "1", "--store", location]
    shown = subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode("utf-8")
    assert "±" in shown


@pytest.mark.parametrize("arguments", [("show",), ("show", "--json"), ("show", "last"), ("schema",), ("--help",)])
def test_a_reader_that_left_is_no_regression(arguments: tuple[str, ...], location: str) -> None:
    """`| head` ends the command as it ends others, in silence: 128 + SIGPIPE, where 1 would be a regression."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HARNESS_STORE": location}
    command = [sys.executable, "-m", "harness", *arguments]
    done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_fault_of_the_program_has_a_status_of_its_own() -> None:
    """70 and the traceback; 1, Python's own, would be a regression."""
    breaks = "from harness.cli import main; main._with_one_command = lambda _: {}['nobody foresaw this']; main.main()"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", breaks], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == ExitStatus.FAULT == 70
    assert "KeyError: 'nobody foresaw this'" in done.stderr and "a bug in harness" in done.stderr


def test_a_wrong_name_is_no_copy_and_no_check_of_nothing(location: str, tmp_path: Path) -> None:
    """It would end with 0, and whoever trusts it has no backup."""
    wrong = str(tmp_path / "wrong.sqlite")
    for words in (
        ["store", "check"],
        ["store", "dump", str(tmp_path / "d.jsonl")],
        ["store", "prune", "--older-than", "1"],
    ):
        found = harness(*words, store=wrong)
        assert isinstance(found.exception, HarnessError) and "wrong.sqlite: no such store" in str(found.exception)
    found = CliRunner().invoke(app, ["store", "copy", wrong, str(tmp_path / "to.sqlite")])
    assert isinstance(found.exception, HarnessError) and not (tmp_path / "to.sqlite").exists()


def test_a_store_under_another_name_is_not_shared_with_itself(location: str, tmp_path: Path) -> None:
    """Its runs would count as pushed."""
    link = tmp_path / "link.sqlite"
    link.symlink_to(location)
    for other in (link, tmp_path / ".." / tmp_path.name / "runs.sqlite"):
        found = harness("push", "--share", str(other), store=location)
        assert isinstance(found.exception, HarnessError) and "both are the same store" in str(found.exception)
