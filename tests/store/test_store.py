"""What was measured is stored, whatever happens to the process that measured it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.store import Store, export_run, read_exported
from harness.values.case import Answer, Case
from harness.values.measurement import Conditions, Measurement, Sample, Status
from harness.values.run import Run


def case(name: str = "a") -> Case:
    return Case("kernel", name, "int4-g32/float32", {"tokens": 1}, op="int4_mm", site="lm_head", answer=Answer("torch_blocked"))


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
    writer = subprocess.Popen([sys.executable, "-c", WRITER, location], stdout=subprocess.PIPE, text=True, env=environment, cwd=root)
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


def test_runs_are_named_by_last_number_and_tag(store: Store) -> None:
    ids = [store.begin(run(note=str(i))) for i in range(3)]
    for run_id in ids[:2]:
        store.finish(run_id, "complete")
    store.tag(ids[0], ["good"])
    assert store.load("last").note == "1" and store.load("last~1").note == "0"
    assert store.load(ids[2]).note == "2" and store.load("good").note == "0"
    with pytest.raises(HarnessError, match=r"no run nonsense .*ids 1 to 3, tags good"):
        store.load("nonsense")
    with pytest.raises(HarnessError, match="2 complete runs"):
        store.load("last~2")


def test_an_exported_run_is_imported_once(store: Store, tmp_path: Path) -> None:
    run_id = store.begin(run())
    store.add_measurement(run_id, 0, measured())
    store.finish(run_id, "complete")
    for name in ("run.json", "run.json.gz"):
        export_run(store.load(run_id), store.identity(run_id), tmp_path / name)
        elsewhere = Store(str(tmp_path / f"{name}.sqlite"))
        other, identity = read_exported(tmp_path / name)
        assert elsewhere.add_run(other, identity) == elsewhere.add_run(other, identity) == "1"
        assert elsewhere.load("last").measurements == store.load(run_id).measurements
        assert store.load(str(tmp_path / name)).measurements == store.load(run_id).measurements


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-3, 1e9, allow_nan=False), max_size=20), st.text(max_size=50))
def test_export_keeps_every_bit(tmp_path_factory: pytest.TempPathFactory, values: list[float], note: str) -> None:
    path = tmp_path_factory.mktemp("export") / "run.json.gz"
    before = run(state="complete", note=note, measurements=(measured(values=tuple(values)),))
    export_run(before, "u", path)
    assert read_exported(path) == (before, "u")


@pytest.mark.parametrize("content", [b"", b"{}", b"\x1f\x8bbroken", b"[1, 2]", b'{"schema": 1}'])
def test_a_file_that_is_no_run_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match="not an exported run") as error:
        read_exported(path)
    assert "\n" not in str(error.value)


def test_a_store_of_another_version_or_no_store_is_refused(tmp_path: Path) -> None:
    from sqlalchemy import update

    from harness.store import tables

    path = tmp_path / "runs.sqlite"
    engine = tables.open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(update(tables.version).values(version=99))
    with pytest.raises(HarnessError, match="store version 99"):
        Store(str(path))
    (tmp_path / "text").write_text("no database" * 200)
    with pytest.raises(HarnessError, match="not a run store"):
        Store(str(tmp_path / "text"))
