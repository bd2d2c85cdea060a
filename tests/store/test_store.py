"""What was measured is stored, whatever happens to the process that measured it."""

from __future__ import annotations

import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import URL, update

from harness.errors import HarnessError
from harness.store import Store, database, tables
from harness.values.case import Case, Implementation
from harness.values.measurement import Conditions, Correctness, Measurement, Sample, Status
from harness.values.run import Run


def case(name: str = "a") -> Case:
    return Case(
        "kernel",
        name,
        "int4-g32/float32",
        {"tokens": 1},
        op="int4_mm",
        site="lm_head",
        answer=Implementation("torch_blocked"),
    )


def run(**fields: object) -> Run:
    values: dict[str, object] = {
        "id": "", "started": "2026-01-01T00:00:00+00:00", "suite": "tiny", "suite_hash": "0", "title": "Tiny",
        "state": "running", "planned": (case(),),
    }  # fmt: skip
    return Run(**{**values, **fields})  # type: ignore[arg-type]


def measured(name: str = "a", process: int = 0, values: tuple[float, ...] = (1.5, 2.25)) -> Measurement:
    return Measurement(case(name), Status.OK, samples=tuple(Sample(v, process, i) for i, v in enumerate(values)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs.sqlite"))


def test_a_run_comes_back_as_it_was_written(store: Store) -> None:
    run_id = store.begin(run(note="first"))
    store.add_measurement(run_id, 0, measured())
    store.add_conditions(run_id, [Conditions(0, 0, sm_clock_mhz=1980, throttle_reasons=("sw_power_cap",))])
    store.add_source(run_id, "h", "def run(): ...")
    store.add_stream(run_id, "batch=1", [1, 2, 3])
    store.finish(run_id, "complete")
    found = store.load("last")
    assert (found.id, found.state, found.note) == (run_id, "complete", "first")
    assert found.measurements == (measured(),)
    assert found.conditions[0].throttle_reasons == ("sw_power_cap",)
    assert found.sources == {"h": "def run(): ..."} and found.streams == {"batch=1": [1, 2, 3]}


def test_processes_of_a_case_are_put_together_in_order(store: Store) -> None:
    run_id = store.begin(run())
    for process in (1, 0):
        store.add_measurement(run_id, process, measured(process=process, values=(10.0 + process, 11.0 + process)))
    (found,) = store.load(run_id).measurements
    assert [(s.process, s.value_us) for s in found.samples] == [(0, 10.0), (0, 11.0), (1, 11.0), (1, 12.0)]


def test_a_case_that_was_wrong_once_is_wrong_and_says_in_how_many_processes(store: Store) -> None:
    run_id = store.begin(run())
    store.add_measurement(run_id, 0, measured())
    store.add_measurement(run_id, 1, Measurement(case(), Status.INCORRECT, "zeros"))
    (found,) = store.load(run_id).measurements
    assert found.status is Status.INCORRECT and found.samples == () and found.reason == "zeros (in 1 of 2 processes)"


WRITER = """
import sys, time
from harness.store import Store
from tests.store.test_store import measured, run
store = Store(sys.argv[1])
run_id = store.begin(run())
for i in range(1000):
    store.add_measurement(run_id, 0, measured(f"arm{i}"))
    print(i, flush=True)
    time.sleep(0.01)
"""


def test_kill_9_leaves_a_partial_run_with_every_finished_case(tmp_path: Path) -> None:
    location = str(tmp_path / "runs.sqlite")
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, location], stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    )
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) >= 5:
            break
    while_alive = Store(location).runs()[0].state
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    time.sleep(0.05)
    store = Store(location)
    found = store.load(store.runs()[0].id)
    assert while_alive == "running" and found.state == "partial"
    assert len(found.measurements) >= 6 and found.measurements[5].samples == measured("arm5").samples
    with pytest.raises(HarnessError, match="0 complete runs"):
        store.load("last")


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    location = str(tmp_path / "runs.sqlite")
    first, second = Store(location), Store(location)
    ids = [first.begin(run()), second.begin(run())]
    for i in range(20):
        first.add_measurement(ids[0], 0, measured(f"a{i}"))
        second.add_measurement(ids[1], 0, measured(f"b{i}"))
    assert [len(first.load(run_id).measurements) for run_id in ids] == [20, 20]


@pytest.mark.parametrize(("found", "why"), [(99, "it was written by a newer"), (2, "`harness store upgrade`")])
def test_a_store_of_another_version_is_refused(tmp_path: Path, found: int, why: str) -> None:
    """Its values would be misread."""
    path = tmp_path / "runs.sqlite"
    engine = database.open_engine(URL.create("sqlite", database=str(path)))
    with engine.begin() as connection:
        connection.execute(update(tables.version).values(version=found))
    with pytest.raises(HarnessError, match=f"store version {found}, this program reads .*: {why}"):
        Store(str(path))


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ("{folder}/text", "text: not a run store: file is not a database"),
        ("{folder}", "not a run store: unable to open database file"),
        ("nosuch://host/db", "not a run store: .*nosuch"),
        ("://", "--store ://: no database URL"),
        ("postgresql://me:secret@host:port/db", "no database URL; allowed: a file"),
        ("mysql+pymysql://me:secret@host/db", "needs the package pymysql"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line_without_its_password(
    tmp_path: Path, location: str, line: str
) -> None:
    (tmp_path / "text").write_text("no database" * 200)
    with pytest.raises(HarnessError, match=line) as error:
        Store(location.format(folder=tmp_path))
    assert "\n" not in str(error.value) and "secret" not in str(error.value)


def test_a_write_that_the_database_refuses_is_one_line(store: Store, tmp_path: Path) -> None:
    """Not the statement with all of its values."""
    store.begin(run())
    with sqlite3.connect(tmp_path / "runs.sqlite") as raw:
        raw.execute("DROP TABLE measurements")
    with pytest.raises(HarnessError, match=r"runs.sqlite: no such table: measurements$"):
        store.add_measurement("1", 0, measured())


def test_a_damaged_value_is_one_line(store: Store, tmp_path: Path) -> None:
    store.begin(run())
    with sqlite3.connect(tmp_path / "runs.sqlite") as raw:
        raw.execute("UPDATE headers SET body = x'93010203'")
    for read in (store.environments, lambda: store.load("1")):
        with pytest.raises(HarnessError, match=r"runs.sqlite: a stored value cannot be read: Expected `object`"):
            read()


def test_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    """A folder without runs stays without a store; the first run makes it."""
    path = tmp_path / "new" / "runs.sqlite"
    store = Store(str(path))
    assert store.runs() == []
    with pytest.raises(HarnessError, match="0 complete runs"):
        store.load("last")
    assert not path.parent.exists()
    store.begin(run())
    assert path.exists() and len(store.runs()) == 1


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_a_store_that_is_deleted_under_a_run_is_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], whole: bool
) -> None:
    """With what was in it and what comes after."""
    folder = tmp_path / ".harness"
    store = Store(str(folder / "runs.sqlite"))
    run_id = store.begin(run())
    store.add_measurement(run_id, 0, measured("a"))
    if whole:
        shutil.rmtree(folder)
    else:
        (folder / "runs.sqlite").unlink()
    store.add_measurement(run_id, 0, measured("b"))
    store.finish(run_id, "complete")
    store.close()
    assert capsys.readouterr().err.count("deleted while it was in use; written again") == 1
    again = Store(str(folder / "runs.sqlite")).load(run_id)
    assert [m.case.arm for m in again.measurements] == ["a", "b"] and again.state == "complete"
    assert (folder / ".gitignore").is_file()


FIRST = """
import sys
from harness.store import Store
from tests.store.test_store import run
Store(sys.argv[1]).begin(run(note=sys.argv[2]))
"""


def test_first_runs_at_once_make_one_store(tmp_path: Path) -> None:
    """Each finds the tables half made by another."""
    location = str(tmp_path / "runs.sqlite")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", FIRST, location]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    started = [subprocess.Popen([*command, str(i)], env=environment, cwd=root) for i in range(6)]
    assert [process.wait() for process in started] == [0] * 6
    assert sorted(found.note for found in Store(location).runs()) == list("012345")


def test_an_infinite_error_is_stored(store: Store) -> None:
    """What an unwritten output has: JSON has no word for it, and a run that held one could not be read."""
    wrong = Correctness(False, math.inf, math.inf, 4e-3, 2e-3, 7, 7, "everywhere")
    run_id = store.begin(run())
    store.add_measurement(run_id, 0, Measurement(case(), Status.INCORRECT, "NaN", wrong))
    assert store.load(run_id).measurements[0].correctness == wrong


def test_notes_of_all_processes_are_kept_once(store: Store) -> None:
    run_id = store.begin(run())
    for process, notes in enumerate((("a", "b"), ("b", "c"))):
        store.add_measurement(run_id, process, msgspec.structs.replace(measured(process=process), notes=notes))
    assert store.load(run_id).measurements[0].notes == ("a", "b", "c")


def test_a_list_says_how_far_each_run_got(store: Store) -> None:
    run_id = store.begin(run(planned=(case("a"), case("b"))))
    for process in (0, 1):
        store.add_measurement(run_id, process, measured("a", process))
    (found,) = store.runs()
    assert (found.cases, found.measured, found.state) == (2, 1, "running")
