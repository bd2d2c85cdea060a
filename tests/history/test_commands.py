"""`history --changes`, `accept` and `note` as a user meets them, on a made repository and a made history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError
from harness.history.reading import read
from harness.revisions.git import git
from harness.store import Store, events
from harness.values.bisect import Commit
from harness.values.event import Answer, Confirmation
from tests.compare.stored_runs import ENVIRONMENT, kernel, measured, stored

COMMITS, SLOW_AT = 20, 15
CASE = kernel("a").id


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A repository whose fifteenth commit made a case 20 % slower, which was confirmed; its store has a run of each
    commit."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "some body")
    git(tmp_path, "config", "user.email", "some@example.com")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "synthetic.yaml").write_text("suite: 1\n")
    git(tmp_path, "add", "--all")
    for number in range(COMMITS):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", f"c{number}")
    made = git(tmp_path, "rev-list", "--reverse", "HEAD").split()
    store = Store(str(tmp_path / ".harness" / "runs.sqlite"))
    for number, commit in enumerate(made):
        case = measured(kernel("a"), [(12.0 if number >= SLOW_AT else 10.0) * (1 + 0.001 * (number % 3))])
        started = f"2026-01-{number + 1:02}T00:00:00+00:00"
        where = msgspec.structs.replace(ENVIRONMENT, commit=commit)
        store.add_run(stored(case, started=started, environment=where), f"uuid-{number}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    [standing] = read(store, "").standings
    change = standing.changes[0].change
    events.add(
        store,
        [
            Confirmation(
                "c", "2026-02-01", "some body", "synthetic", CASE, change.machine, made[SLOW_AT - 3], made[-1],
                change.ratio, Answer.COMMIT, change.ratio, (Commit(made[SLOW_AT], "slower"),), 20,
            )
        ],
    )  # fmt: skip
    return made


def _harness(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def _changes(*more: str) -> tuple[int, dict[str, Any]]:
    status, text = _harness("history", "", "--changes", "--fail-on", "new", "--json", *more)
    return status, json.loads(text)["standings"][0]["changes"][0]


def test_a_confirmed_slowdown_fails_until_it_is_accepted(commits: Sequence[str], tmp_path: Path) -> None:
    """In the store and in the file beside the suite, each of which is enough; who, when and why are in both."""
    status, change = _changes()
    assert (status, change["state"]) == (1, "confirmed")
    assert "1 slowdown is open" in _harness("history", "", "--changes")[1]
    status, said = _harness("accept", f"int4_mm@a@{commits[SLOW_AT][:9]}", "--why", "needed: it was wrong")
    assert status == 0 and "up to 20.9 % slower since" in said
    status, change = _changes()
    assert (status, change["state"], change["acceptance"]["by"]) == (0, "accepted", "some body <some@example.com>")
    assert "needed: it was wrong" in _harness("history", "", "--changes")[1]

    file = tmp_path / "suites" / "synthetic.history.yaml"
    said = file.read_text()
    assert all(word in said for word in (CASE, commits[SLOW_AT], "needed: it was wrong", "some@example.com"))
    file.unlink()
    assert _changes()[0] == 0
    file.write_text(said)
    other = Store(str(tmp_path / "other.sqlite"))
    store = Store()
    for run in store.runs():
        other.add_run(store.load(run.id), run.uuid)
    events.add(other, events.of_suite(store)[:1])
    assert _changes("--store", "other.sqlite")[0] == 0
    file.unlink()
    assert _changes("--store", "other.sqlite")[0] == 1


def test_what_is_not_known_is_not_accepted_ahead(commits: Sequence[str]) -> None:
    """Another commit, another case, no reason: one line each, and nothing is written."""
    for what, why, line in (
        (f"int4_mm@a@{commits[3]}", "x", "no slowdown is known there; known: int4_mm@a"),
        (f"router@{commits[SLOW_AT]}", "x", "no id contains this"),
        (f"int4_mm@a@{commits[SLOW_AT]}", " ", "--why: empty"),
        ("int4_mm@a@nothing", "x", "neither a stored run nor a revision"),
        ("int4_mm", "x", "allowed: CASE@COMMIT"),
    ):
        with pytest.raises(HarnessError, match=line):
            _harness("accept", what, "--why", why)
    assert not Path("suites/synthetic.history.yaml").exists()


def test_a_smaller_allowance_does_not_cover_it(commits: Sequence[str]) -> None:
    assert _harness("accept", f"int4_mm@a@{commits[SLOW_AT]}", "--why", "a bit", "--at-most", "5")[0] == 0
    assert _changes()[0] == 1


def test_a_note_stands_in_the_file_and_the_store(commits: Sequence[str]) -> None:
    """On a case at a commit, or on a commit alone; an attempt's note is still an attempt's."""
    assert _harness("note", f"int4_mm@a@{commits[4]}", "-m", "new cooling")[0] == 0
    assert _harness("note", f"@{commits[4]}", "-m", "a new driver")[0] == 0
    assert [event.text for event in events.of_suite(Store())[1:]] == ["new cooling", "a new driver"]
    assert "a new driver" in Path("suites/synthetic.history.yaml").read_text()
    with pytest.raises(HarnessError, match="no attempt try:7"):
        _harness("note", "try:7", "-m", "x")
    with pytest.raises(HarnessError, match="--fail-on old: allowed: new, with --changes"):
        _harness("history", "", "--changes", "--fail-on", "old")
