"""`harness store` and `harness push` as a user meets them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import ExitStatus, HarnessError
from harness.store import Store, database
from harness.store.tables import STORE_VERSION
from tests.store.older import as_version_2, as_version_3
from tests.store.test_store import measured, run


def _invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return done.output


@pytest.fixture
def location(tmp_path: Path) -> str:
    """Three runs of one case."""
    path = str(tmp_path / "runs.sqlite")
    store = Store(path)
    for number in range(3):
        store.add_run(run(state="complete", note=str(number), measurements=(measured(),)), f"u{number}")
    store.close()
    return path


def test_an_older_store_is_upgraded_with_a_copy(location: str, tmp_path: Path) -> None:
    """Whoever meets it first is told the command; afterwards all runs are there."""
    as_version_2(database.open_engine(database.read_url(location)))
    with pytest.raises(HarnessError, match=f"store version 2, this program reads {STORE_VERSION}:"):
        Store(location)
    assert f"version 2 to {STORE_VERSION}; as it was: " in _invoke("store", "upgrade", "--store", location)
    assert [found.note for found in Store(location).runs()] == ["0", "1", "2"]
    assert f"version {STORE_VERSION} already" in _invoke("store", "upgrade", "--store", location)
    with sqlite3.connect(tmp_path / "runs.sqlite.version2") as copy:
        assert copy.execute("SELECT version FROM store").fetchall() == [(2,)]
        assert copy.execute("SELECT count(*) FROM runs").fetchall() == [(3,)]


def test_a_store_without_looks_at_machines_gets_their_table(location: str) -> None:
    """Version 3 had none."""
    as_version_3(database.open_engine(database.read_url(location)))
    assert f"version 3 to {STORE_VERSION}" in _invoke("store", "upgrade", "--store", location)
    assert Store(location).sniffs() == [] and len(Store(location).runs()) == 3


def test_a_store_that_no_release_wrote_is_left_as_it_is(location: str) -> None:
    with sqlite3.connect(location) as raw:
        raw.execute("UPDATE store SET version = 1")
    with pytest.raises(HarnessError, match="no release wrote it; allowed: 2"):
        _invoke("store", "upgrade", "--store", location)


def test_another_programs_database_is_no_store(tmp_path: Path) -> None:
    """Nothing is added to it."""
    path = tmp_path / "theirs.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE runs (name TEXT)")
    with pytest.raises(HarnessError, match="not a run store: it holds runs of another program"):
        Store(str(path))
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]


def test_runs_are_pushed_once(location: str, tmp_path: Path) -> None:
    team = str(tmp_path / "team.sqlite")
    assert "1 runs pushed, 0 there before" in _invoke("push", "2", "--share", team, "--store", location)
    assert "2 runs pushed, 1 there before" in _invoke("push", "--share", team, "--store", location)
    assert [found.note for found in Store(team).runs()] == ["1", "0", "2"]
    assert Store(team).load("1").measurements == Store(location).load("2").measurements
    with pytest.raises(HarnessError, match="--share: no store named"):
        _invoke("push", "--store", location)
    with pytest.raises(HarnessError, match="both are the same store"):
        _invoke("push", "--share", location, "--store", location)


def test_a_copy_has_every_run(location: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.sqlite")
    assert "3 runs copied, 0 there before; 0 attempts" in _invoke("store", "copy", location, other)
    assert [found.note for found in Store(other).runs()] == ["0", "1", "2"]


def test_a_damaged_row_is_named(location: str) -> None:
    assert "15 rows, all readable" in _invoke("store", "check", "--store", location)
    with sqlite3.connect(location) as raw:
        raw.execute("UPDATE measurements SET body = x'9301' WHERE row = 2")
        raw.execute("UPDATE measurements SET run = 77 WHERE row = 3")
    done = CliRunner().invoke(app, ["store", "check", "--store", location])
    assert "measurements row 2: cannot be read" in done.output and "1 rows of runs that are not here" in done.output
    assert isinstance(done.exception, HarnessError) and done.exception.exit_status is ExitStatus.CASE_FAILED


def test_create_says_what_it_found(tmp_path: Path) -> None:
    path = str(tmp_path / "new.sqlite")
    assert f"{path}: made, version {STORE_VERSION}" in _invoke("store", "create", "--store", path)
    assert f"{path}: is a run store, version {STORE_VERSION}" in _invoke("store", "create", "--store", path)
