"""Whatever a job does to its process, the parent hears it, or hears in time that it is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import ExitStatus, HarnessError
from harness.values.case import Case
from harness.values.measurement import Status
from harness.worker.launch import Ahead
from harness.worker.process import WorkerDied, WorkerProcess
from tests.conftest import REPOSITORY
from tests.worker.planted import Order, Word

SERVICE = "tests.worker.planted"
CASE = Case("kernel", "a", "int4", {})


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess(SERVICE, tree=REPOSITORY) as started:
        yield started


def ask(worker: WorkerProcess, what: str, limit_s: float | None = 60.0) -> list[str]:
    return [word.text for word in worker.ask(Order(what), Word, limit_s)]


def test_what_a_job_prints_is_no_message_and_the_next_job_goes_on(worker: WorkerProcess) -> None:
    """By Python, by the system and by what the job starts."""
    assert ask(worker, "print") == ["print"]
    assert worker.stderr() == "printed\nwritten\nechoed\n"
    assert ask(worker, "again") == ["again"]


def test_what_a_job_starts_does_not_have_the_wire(worker: WorkerProcess) -> None:
    assert ask(worker, "list files")[0] == "no socket"


@pytest.mark.parametrize("what", ["die", "close everything"])
def test_a_death_is_a_failure_with_the_last_line(what: str, worker: WorkerProcess) -> None:
    """Also of one that only seems to be dead: it is ended. Nobody waits for it: no limit is given here."""
    with pytest.raises(WorkerDied) as death:
        ask(worker, what)
    row = death.value.measurement(CASE, "verify: ")
    signal = {"die": "6: last words", "close everything": "9"}[what]
    assert (row.status, row.reason) == (Status.FAILED, f"verify: its process was killed by signal {signal}")


def test_one_that_says_nothing_is_a_timeout(worker: WorkerProcess) -> None:
    ask(worker, "begin")
    with pytest.raises(WorkerDied, match="did not reply for 1 s") as death:
        ask(worker, "hang", limit_s=1.0)
    assert death.value.status is Status.TIMEOUT


def test_one_that_was_launched_ahead_is_booted_once_and_serves() -> None:
    """What takes long to import is there before anybody says what it is for."""
    with Ahead() as ahead:
        launched = ahead.take()
        assert launched is not None and ahead.take() is None
        with WorkerProcess(SERVICE, tree=REPOSITORY, launched=launched) as worker:
            assert ask(worker, "has torch") == ["True", "has torch"]


def test_one_that_nobody_took_has_ended() -> None:
    before = children()
    with Ahead():
        started = children() - before
        assert len(started) == 1
    assert not children() & started


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def test_what_it_refuses_is_one_line_with_its_exit_status(worker: WorkerProcess) -> None:
    with pytest.raises(HarnessError, match=r"^no such tile$") as refused:
        ask(worker, "refuse")
    assert refused.value.exit_status is ExitStatus.CASE_FAILED
    with pytest.raises(WorkerDied, match="ended with exit status 5: no such tile"):
        ask(worker, "again")


@pytest.mark.parametrize(("interpret", "wanted"), [("never", ""), ("as_told", "1")])
def test_the_interpreter_is_left_out_unless_nothing_is_timed(
    interpret: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with WorkerProcess(SERVICE, tree=REPOSITORY, interpret=interpret) as worker:
        assert ask(worker, "interpret") == [wanted, "interpret"]


def test_a_tree_has_its_packages_and_never_another_harness(tmp_path: Path) -> None:
    """A repository may have a folder of that name."""
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('the wrong harness')")
    (tmp_path / "beside.py").write_text("import harness\nWHERE = f'{__file__} {harness.__file__}'\n")
    with WorkerProcess(SERVICE, tree=tmp_path) as worker:
        found = ask(worker, "import beside")[0]
    assert found == f"{tmp_path / 'beside.py'} {REPOSITORY / 'harness' / '__init__.py'}"


def test_no_interpreter_is_an_error_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        WorkerProcess(SERVICE, python="/nonexistent")
