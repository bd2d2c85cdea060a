"""`harness history`: a case over runs, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from harness.cli.main import app
from harness.compare.history import CaseHistory, Moment
from harness.stats import estimate
from harness.store import Store
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement, Status
from harness_reports.formats.console import plain
from harness_reports.formats.terminal_table import Titled
from harness_reports.tables.over_runs import moments
from tests.compare.paired_stored import two_sides
from tests.compare.stored_runs import ENVIRONMENT, kernel, measured, stored

COMMITS = ("aaaaaaaaaaaa", "bbbbbbbbbbbb+", "cccccccccccc", "dddddddddddd")


@pytest.fixture
def location(tmp_path: Path) -> str:
    """Four runs of a case: two that agree in all conditions, one where it fails, one under another torch."""
    path = str(tmp_path / "runs.sqlite")
    store = Store(path)
    shared = msgspec.structs.replace(kernel("a", "autotuned"), same_as=kernel("a").id)
    for place, commit in enumerate(COMMITS):
        environment = msgspec.structs.replace(ENVIRONMENT, commit=commit, torch="2.14.0" if place == 3 else "2.13.0")
        case = measured(kernel("a"), [10.0 + place, 10.1 + place])
        if place == 2:
            case = Measurement(case.case, Status.FAILED, "it raised")
        other = measured(kernel("b"), [5.0])
        planned = (case.case, other.case, shared)
        run = stored(case, other, run_id=str(place + 1), planned=planned, environment=environment)
        store.add_run(run, f"uuid-{place}")
    return path


def harness(*arguments: str, store: str) -> Result:
    return CliRunner().invoke(app, ["history", *arguments, "--store", store])


def found(*arguments: str, store: str) -> list[dict[str, Any]]:
    done = harness(*arguments, "--json", store=store)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    return list(document["cases"])


def test_each_run_is_a_moment_with_its_interval(location: str) -> None:
    """Oldest first, with the very estimate that the run has; a failure is a moment with its reason and no time."""
    [base, shared] = found("int4_mm@a", store=location)
    assert [m["commit"] for m in base["moments"]] == list(COMMITS)
    assert [m["status"] for m in base["moments"]] == ["OK", "OK", "FAILED", "OK"]
    wanted = estimate(measured(kernel("a"), [10.0, 10.1]).samples)
    assert wanted is not None and base["moments"][0]["time"]["low"] == pytest.approx(wanted.low)
    assert (base["moments"][2]["time"], base["moments"][2]["reason"]) == (None, "it raised")
    assert shared["case"].endswith("autotuned") and shared["moments"][0]["time"] == base["moments"][0]["time"]


def test_what_may_not_be_compared_is_named(location: str) -> None:
    """Against the last moment with a time, over a failure in between; nothing where all conditions agree."""
    moments = found("int4_mm@a*baseline", store=location)[0]["moments"]
    assert [m["changed"] for m in moments] == [[], [], [], ["torch: 2.13.0 -> 2.14.0"]]


def test_each_machine_is_a_history_of_its_own(tmp_path: Path) -> None:
    """Runs of two machines in turn: no row is beside one of the other machine, and the text names both."""
    store = Store(str(tmp_path / "runs.sqlite"))
    for place, uuid in enumerate(["GPU-aaaa-1", "GPU-bbbb-2"] * 2):
        environment = msgspec.structs.replace(ENVIRONMENT, device_uuid=uuid)
        run = stored(measured(kernel("a"), [10.0 + place]), environment=environment)
        store.add_run(run, f"uuid-{place}")
    path = str(tmp_path / "runs.sqlite")
    two = found("int4_mm@a", store=path)
    assert [[m["run"] for m in case["moments"]] for case in two] == [["1", "3"], ["2", "4"]]
    assert not any(m["changed"] for case in two for m in case["moments"])
    text = harness("int4_mm@a", store=path).stdout
    assert "GPU-aaaa" in text and "GPU-bbbb" in text and "not to be compared" not in text


def test_runs_of_one_second_are_in_the_order_of_the_store(tmp_path: Path) -> None:
    """Base and head of a comparison begin together; what a run's name is drawn as orders nothing."""
    path = str(tmp_path / "runs.sqlite")
    for uuid in ("ffff", "0000", "8888"):
        Store(path).add_run(stored(measured(kernel("a"), [10.0])), uuid)
    [case] = found("int4_mm@a", store=path)
    assert [m["run"] for m in case["moments"]] == ["1", "2", "3"]


def test_the_text_says_the_same(location: str) -> None:
    """With the dirty commit marked, and only as many runs as asked for."""
    text = " ".join(harness("int4_mm@b", "--last", "3", store=location).stdout.split())
    assert "aaaaaaaaa" not in text, text
    assert "bbbbbbbbb+" in text and "torch: 2.13.0 -> 2.14.0" in text
    assert text.count("[") == 3 and "assumed" in text


def test_the_words_keep_room_in_a_narrow_terminal(location: str) -> None:
    """80 columns leave the last column enough for a word; what stayed the same is not said again."""
    time = Estimate(12345.0, 12000.1, 12999.9, 0.95, 16, "round", "assumed")
    moment = Moment("1", "2026-11-23T06:10:00", "a" * 40 + "+", "OK", time=time, answer="torch_blocked")
    case = CaseHistory("int4_mm@b/baseline", "small", "us/call", (moment,) * 3)
    shown = plain(Titled(moments(case)), columns=80)
    assert shown.count("torch_blocked") == 1 and shown.count("assumed") == 3
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("12,345 [12,000, 13,000]") == 3 and "e+" not in shown


def test_a_chart_is_drawn(location: str, tmp_path: Path) -> None:
    assert harness("int4_mm@b", "--svg", str(tmp_path / "b.svg"), store=location).exit_code == 0
    assert "<svg" in (tmp_path / "b.svg").read_text()


def test_what_is_not_there_is_said(location: str, tmp_path: Path) -> None:
    """An unknown case with the nearest, an unknown suite, an empty store."""
    for arguments, store, words in (
        (("int4_mn",), location, "near: int4_mm@a"),
        (("int4_mm", "--suite", "other"), location, "no runs of suite other"),
        (("int4_mm",), str(tmp_path / "none.sqlite"), "no runs in"),
        (("int4_mm@a", "--last", "1", "--svg", "x.svg"), location, "--svg: no matching case"),
    ):
        error = harness(*arguments, store=store).exception
        assert words in str(error), error


def test_what_needs_no_time_is_not_called_a_run_that_ended(tmp_path: Path) -> None:
    """A case with the same code on both sides of a comparison is not timed; one that a kill kept from its turn is
    something else."""
    path = str(tmp_path / "runs.sqlite")
    base, _ = two_sides({}, identical=("a",))
    planned = (*base.run.planned, kernel("b"))
    Store(path).add_run(msgspec.structs.replace(base.run, planned=planned), "uuid")
    told = {case["case"]: case["moments"][0] for case in found("int4_mm", store=path)}
    assert (told[kernel("a").id]["status"], told[kernel("b").id]["status"]) == ("NOT TIMED", "NOT REACHED")
    assert "same code" in told[kernel("a").id]["reason"] and "ended" in told[kernel("b").id]["reason"]
