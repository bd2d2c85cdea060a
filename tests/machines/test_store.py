"""Looks at machines in a store: with the run, found by machine, carried on, and what a reader is told of them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.compare import StoredSide, compare
from harness.machines.today import slow_today
from harness.store import Store
from harness.store.checking import check
from harness.store.copying import copy
from harness.values.run import Run
from tests.compare.stored_runs import ENVIRONMENT, kernel, measured, stored

from .made import look


def _run(number: int, slower: float = 0.0, **environment: object) -> Run:
    found = look(number, slower)
    where = msgspec.structs.replace(ENVIRONMENT, **environment)
    case = measured(kernel("a"), [10.0] * 8)
    return stored(case, started=found.started, sniff=found.sniff, environment=where, run_id=str(number % 9 + 1))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Ten runs on a GPU, the last 20 % slow, and one run of another."""
    made = Store(str(tmp_path / "runs.sqlite"))
    for number in range(10):
        made.add_run(_run(number, 0.2 if number == 9 else 0.0), f"uuid-{number}")
    made.add_run(_run(3, device_uuid="GPU-2"), "other")
    return made


def test_a_look_is_stored_with_its_run_and_found_by_machine(store: Store) -> None:
    """In the order of the starts; a store of before its time has none."""
    looks = store.sniffs("GPU-1")
    assert [found.run for found in looks] == [f"uuid-{number}" for number in range(10)]
    assert len(store.sniffs()) == 11 and len(store.sniffs("GPU-1", 3)) == 3
    assert store.load("10").sniff == looks[9].sniff and store.sniff_of("10") == looks[9]
    assert check(store)[1] == []


def test_looks_go_with_their_runs_into_another_store(store: Store, tmp_path: Path) -> None:
    target = Store(str(tmp_path / "other.sqlite"))
    copy(store, target)
    assert target.sniffs() == store.sniffs()


def test_a_run_on_a_slow_machine_says_so(store: Store) -> None:
    assert "is slow today: memory 20 % slower, matmul 20 % slower" in slow_today(store, "10")
    assert slow_today(store, "9") == slow_today(store, "11") == ""


def test_the_command_names_the_slow_machine(store: Store) -> None:
    """Status 3, and its date; the other machine is not known yet."""
    done = CliRunner().invoke(app, ["machines", "--store", store.location])
    assert done.exit_code == 3 and "too slow to compare" in done.output and "since 2026-01-10" in done.output
    found = json.loads(CliRunner().invoke(app, ["machines", "GPU-2", "--json", "--store", store.location]).stdout)
    assert [(one["machine"], one["state"]) for one in found["machines"]] == [("GPU-2", "not known yet")]
    missing = CliRunner().invoke(app, ["machines", "nothing", "--store", store.location])
    assert missing.exception is not None and "no machine nothing" in str(missing.exception)


def test_two_runs_are_refused_where_the_machine_was_not_the_same(store: Store) -> None:
    """20 % apart: not comparable, unless it is accepted; 7 %: compared, with a note; a CPU: compared."""
    sides = [StoredSide(store.load(name)) for name in ("9", "10")]
    refused = compare(*sides)
    assert not refused.comparable and {found.field for found in refused.differences} == {"machine_state"}
    assert "reads 3,000 GB/s -> reads 2,500 GB/s" in refused.differences[0].words
    assert compare(*sides, accept=["machine_state"]).comparable
    for slower, on in ((0.07, {}), (0.5, {"device_kind": "cpu"})):
        noted = compare(StoredSide(_run(1, 0.0, **on)), StoredSide(_run(2, slower, **on)))
        assert noted.comparable and any("not as fast before both runs" in note for note in noted.notes)
    assert not any("not as fast" in note for note in compare(StoredSide(_run(1)), StoredSide(_run(2, 0.03))).notes)
