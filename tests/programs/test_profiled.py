"""What the ranks of a program left becomes one run, whatever is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import CaseFailed
from harness.programs.place import Place
from harness.programs.profiled import profiled_run
from harness.programs.told import Told
from harness.programs.words import PythonProgram
from harness.store import Store, export_run, read_exported
from harness.values.run import Run
from harness_reports.documents.runs import run_text
from harness_reports.pages import program, write
from tests.ranks.made import write_rank
from tests.trace.made import KERNELS
from tests.trace.made import write as write_trace

FINE = Told(0)
WORLD = 4


@pytest.fixture
def script(tmp_path: Path) -> PythonProgram:
    (tmp_path / "train.py").write_text("print()\n")
    return PythonProgram(str(tmp_path / "train.py"), ("--size", "4"))


def job(folder: Path, ranks: int = WORLD) -> Place:
    folder.mkdir()
    place = Place(0, WORLD, folder)
    for rank in range(ranks):
        write_rank(place.trace(rank), rank, WORLD, 12, 50.0, 3)
    return place


def test_ranks_become_one_run_with_the_late_one_named(script: PythonProgram, tmp_path: Path) -> None:
    """Stored, exported and read again, it is shown alike; its source text is kept."""
    run = profiled_run(script, job(tmp_path / "job"), dict.fromkeys(range(WORLD), FINE), True, "a note")
    assert run.state == "complete" and run.program is not None and run.program.job is not None
    assert run.program.job.straggler is not None and run.program.job.straggler.rank == WORLD - 1
    assert [profile.arm for profile in run.profiles] == [f"rank {rank}" for rank in range(WORLD)]
    assert list(run.sources.values()) == ["print()\n"]
    store = Store(str(tmp_path / "runs.sqlite"))
    store.add_run(run, "some-identity")
    stored = store.load("some-identity")
    store.close()
    export_run(stored, "some-identity", tmp_path / "run.json.gz")
    again, _ = read_exported(tmp_path / "run.json.gz")
    assert again == stored and again.program == run.program
    assert "planted::slow" in program.plain(stored) and "planted::slow" in program.page(stored)


def test_a_rank_that_failed_is_named_and_the_others_are_shown(script: PythonProgram, tmp_path: Path) -> None:
    """No trace, one that ends in its first line, one of a program that went wrong: what is there is kept."""
    place = job(tmp_path / "job", 3)
    place.trace(1).write_text("{")
    told = {0: Told(1), 1: FINE, 2: FINE, 3: Told(-9, "no trace")}
    run = profiled_run(script, place, told, True, "")
    assert run.state == "partial" and run.program is not None and run.program.job is not None
    assert run.program.failed[0] == "ended with status 1" and run.program.failed[3] == "ended by SIGKILL; no trace"
    assert run.program.failed[1].startswith("not a trace")
    assert [row.rank for row in run.program.job.ranks] == [0, 2] and run.program.job.absent == (1, 3)
    assert "rank 3: ended by SIGKILL" in program.plain(run)
    with pytest.raises(CaseFailed, match="rank 3: ended by SIGKILL"):
        profiled_run(script, Place(0, WORLD, tmp_path), {3: told[3]}, True, "")


def test_one_process_is_a_breakdown(script: PythonProgram, tmp_path: Path) -> None:
    """Without ranks; in every format of a report that can show it."""
    place = Place(0, 1, tmp_path)
    write_trace(place.trace(0), KERNELS)
    run: Run = profiled_run(script, place, {0: FINE}, True, "")
    assert run.program is not None and run.program.job is None and len(run.profiles) == 1
    assert "train.py --size 4" in program.plain(run) and '"world_size":1' in run_text(run)
    files = write.write(run, tmp_path / "report", ("html", "md", "csv", "json"))
    assert [file.name for file in files] == ["report.html", "report.md", "report.json", "report.csv"]
    place.trace(0).unlink()
    with pytest.raises(CaseFailed, match="ended with status 7"):
        profiled_run(script, place, {0: Told(7, "no trace")}, True, "")
