"""Whole sweeps with real processes on a CPU: faults are rows, nothing is timed twice, the choice is what `tuned`
reads."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import ExitStatus
from harness.plan import expand, sweep_plan
from harness.store import Store
from harness.store.tables import decode
from harness.suite.load import load_suite
from harness.sweep.options import Options
from harness.sweep.sweep import sweep
from harness.values.measurement import Status
from harness.values.sweep import Configuration, SweepResult
from harness.worker import pool
from tests.conftest import REPOSITORY
from tests.sweep.swept import FAULTS, MATCH, SLOW, swept_suite

pytestmark = pytest.mark.xdist_group("sweeps")


def swept(path: Path, store: Path, **options: object) -> SweepResult:
    settings = Options(**{"rounds": 2, "processes": 2, "untrusted": True} | options)  # type: ignore[arg-type]
    return sweep(sweep_plan(load_suite(path), match=MATCH), Store(str(store)), settings, lambda *_: None)


def first_times(store: Path) -> list[str]:
    """The key of every configuration that a device timed by itself, once for each time that it did."""
    with sqlite3.connect(store) as connection:
        rows = connection.execute("select key, body from configurations where kind = 'configuration'").fetchall()
    return [key for key, body in rows if decode(body, Configuration).stage == "first"]


@pytest.mark.slow
def test_faults_are_rows_and_the_rest_is_chosen_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that computes wrong results, one that kills its process and one that hangs: each is named with
    its reason, none is timed, and the fastest of the others is what `tuned` then means. The same sweep again takes no
    process; a wider one times what is new."""
    monkeypatch.setattr(pool, "TASK_LIMIT_S", 20.0)  # what does not hang takes a second of a free core
    space = "{block_n: [128, 512], fault: [none, zeros, abort, hang], where: [\"fault == 'none' or block_n == 512\"]}"
    path, store = swept_suite(tmp_path, FAULTS, space), tmp_path / "runs.sqlite"
    result = swept(path, store)
    status = {
        (c.tunables["block_n"], c.tunables["fault"]): (c.measurement.status, c.measurement.reason)
        for c in result.configurations
    }
    assert [status[128, "none"], status[512, "none"]] == [(Status.OK, ""), (Status.OK, "")]
    assert status[512, "zeros"][0] is Status.INCORRECT and "output" in status[512, "zeros"][1]
    assert status[512, "abort"][0] is Status.FAILED and "signal 6" in status[512, "abort"][1]
    assert status[512, "hang"][0] is Status.TIMEOUT and "longer than" in status[512, "hang"][1]
    [question] = result.questions
    assert (len(question.configurations), question.timed) == (5, 2)
    assert question.finals is not None and question.finals.baseline is not None
    assert {c.tunables["fault"] for c in question.finals.confirmed} == {"none"}
    assert question.finals.baseline.tunables == {"block_n": 64, "fault": "none"}
    assert {s.process for c in question.finals.confirmed for s in c.measurement.samples} == {1, 2}
    assert len(question.finals.twins) == 8 and question.rms is not None
    assert any("zeros" in line and "wrong results" in line for line in result.warnings)
    assert Path(result.written[0]).parent == tmp_path / "tuned"
    entry = json.loads(Path(result.written[0]).read_text())["entries"][0]
    assert {one["tunables"]["fault"] for one in entry["ranked"]} == {"none"} and entry["baseline"]["processes"] == 2
    slug, triton = result.environment.slug, result.environment.triton
    again = expand(load_suite(path), arms=["autotuned"], match=MATCH, device_slug=slug, triton=triton)
    assert again.cases[0].problem is None and again.cases[0].answer is not None
    assert again.cases[0].answer.tunables == entry["tunables"]

    monkeypatch.setattr(pool.DeviceProcess, "perform", None)  # the same again needs no device
    second = swept(path, store)
    assert second.reused == 6 and second.gpu_busy_s == 0
    assert second.questions[0].finals == question.finals
    _commands(path, store)


def _commands(path: Path, store: Path) -> None:
    """What the command prints of a sweep that is known: JSON, CSV, other programs' words, and the exit status."""

    def harness(*options: str) -> Result:
        arguments = [
            "sweep",
            str(path),
            "-k",
            MATCH,
            "--rounds",
            "2",
            "--processes",
            "2",
            "--untrusted",
            "--store",
            str(store),
        ]
        return CliRunner().invoke(app, [*arguments, *options])

    table = path.parent / "all.csv"
    shown = harness("--json", "--csv", str(table), "--charts", str(path.parent / "charts"))
    assert shown.exit_code == ExitStatus.CASE_FAILED and "computes wrong results" in shown.stderr
    document = json.loads(shown.stdout)
    assert document["schema"] == 1 and (document["declared"], document["timed"], document["reused"]) == (5, 2, 6)
    wanted = "tunables status reason binary registers spills shared_bytes instructions_per_weight load_bytes estimate"
    assert all(set(wanted.split()) <= set(row) for row in document["configurations"])
    assert {"distinct", "pruned", "wall_s", "gpu_busy_s"} <= set(document) and document["top"][0]["confirmed"]
    lines = list(csv.DictReader(table.open()))
    assert [line["status"] for line in lines] == [row["status"] for row in document["configurations"]]
    assert sum(bool(line["us"]) for line in lines) == 2
    assert [file.suffix for file in (path.parent / "charts").iterdir()] == [".svg"]
    allowed = harness("--allow-failure", "--ship", "1")
    assert (
        allowed.exit_code == 0 and "FAILED, allowed by --allow-failure" in allowed.stderr and "ship 1" in allowed.stdout
    )
    assert "triton.Config(" in harness("--emit", "triton").stdout
    assert harness("--tokens", "0").exception is not None and harness("--target", "sm_90").exception is not None
    [tuned] = (path.parent / "tuned").iterdir()
    tuned.write_text("somebody's")
    ended = harness()
    assert "distinct" in ended.stdout and f"{tuned}: not a tuned file" in str(ended.exception)
    assert tuned.read_text() == "somebody's"


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_a_wider_one_times_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 in the middle loses at most the configuration that was being timed; in the end each was timed once."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads are part of what a time on the CPU is of
    path, store = swept_suite(tmp_path, SLOW, "{block_n: [8, 16, 32, 64, 128, 256]}"), tmp_path / "runs.sqlite"
    command = [sys.executable, "-m", "harness", "sweep", str(path), "-k", MATCH, "--rounds", "2", "--store", str(store)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    victim = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while victim.poll() is None and (not store.exists() or not _rows(store)):
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    before = set(first_times(store))
    assert before, "killed before anything was known"
    result = swept(path, store, processes=1)
    assert result.reused == len(before) < 6
    assert len(first_times(store)) == len(set(first_times(store))) == 6
    (tmp_path / "wider").mkdir()
    wider = swept_suite(tmp_path, SLOW, "{block_n: [8, 16, 32, 64, 128, 256, 512]}")
    third = swept(wider, store, processes=1)
    assert third.reused == 6 and len(first_times(store)) == len(set(first_times(store))) == 7


def _rows(store: Path) -> int:
    try:
        return len(first_times(store))
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
