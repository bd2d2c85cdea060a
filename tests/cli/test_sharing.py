"""`--share`: the measurement is here before anybody is asked, and whatever becomes of the push costs a line."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import sharing
from harness.cli.main import app
from harness.store import Store, database, outbox
from tests.compare.stored_runs import two_runs


@pytest.fixture
def local(tmp_path: Path) -> str:
    """Two runs of this process."""
    location = str(tmp_path / "runs.sqlite")
    store = Store(location)
    for side in two_runs({"a": (10, 10)}):
        store.add_run(side.run, f"uuid-{side.run.id}")
    store.close()
    return location


@pytest.fixture
def team(tmp_path: Path) -> str:
    database.create(database.read_url(str(tmp_path / "team.sqlite")))
    return str(tmp_path / "team.sqlite")


def test_what_a_command_stored_is_pushed_when_it_has_ended(local: str, team: str) -> None:
    """Its status and its standard output are those without; a second command has nothing to push."""
    alone = CliRunner().invoke(app, ["compare", "1", "2", "--json", "--store", local])
    shared = CliRunner().invoke(app, ["compare", "1", "2", "--json", "--store", local, "--share", team])
    assert (shared.exit_code, json.loads(shared.stdout)) == (alone.exit_code, json.loads(alone.stdout))
    assert f"{team}: 2 runs pushed, 0 there before" in shared.stderr
    assert [found.uuid for found in Store(team).runs()] == ["uuid-1", "uuid-2"]
    assert outbox.waiting(Store(local)) == []


def test_a_server_that_is_away_costs_a_line_and_the_next_push_brings_all(local: str, team: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"postgresql://team:s3cret@127.0.0.1:{nobody.getsockname()[1]}/history"
        said = sharing.push_waiting(away, local)
    assert "Connection refused" in said and "2 runs wait" in said and "\n" not in said and "s3cret" not in said
    assert len(Store(local).runs()) == 2
    assert "2 runs pushed" in sharing.push_waiting(team, local)


def test_a_mute_server_is_given_up(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and never says a word."""
    monkeypatch.setattr(sharing, "DEADLINE_S", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        said = sharing.push_waiting(f"postgresql://team:s3cret@127.0.0.1:{mute.getsockname()[1]}/history", local)
    assert "no answer within 3 s; 2 runs wait" in said and "s3cret" not in said


def test_nothing_to_share_is_not_said(tmp_path: Path) -> None:
    assert sharing.push_waiting(str(tmp_path / "team.sqlite"), str(tmp_path / "none.sqlite")) == ""
    assert not list(tmp_path.iterdir())


def test_a_store_is_dumped_and_pruned(local: str, tmp_path: Path) -> None:
    """Nothing goes without --yes."""

    def said(*arguments: str) -> str:
        return CliRunner().invoke(app, [*arguments, "--store", local], catch_exceptions=False).output

    file = str(tmp_path / "all.jsonl.gz")
    assert f"{file}: 2 runs of {local}" in said("store", "dump", file)
    assert "would remove samples and texts of 1 runs" in said("store", "prune", "--older-than", "1")
    assert len([found for found in Store(local).runs() if found.state == "pruned"]) == 0
    assert "1 newest of a suite on a machine" in said("store", "prune", "--older-than", "1", "--yes")
    assert [found.state for found in Store(local).runs()] == ["pruned", "complete"]
    assert said("import", file).split() == ["1", "2"]
