"""`history --changes`, `accept` and `note` as a user meets them, on a made repository and a made history."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import HarnessError, StoreFailed
from harness.history.reading import read
from harness.revisions.git import git
from harness.store import Store, events
from harness.values.bisect import Commit
from harness.values.event import Answer, Confirmation
from harness.values.measurement import Measurement, Status
from tests.compare.paired_stored import two_sides
from tests.compare.stored_runs import ENVIRONMENT, kernel, measured, stored

COMMITS, SLOW_AT = 20, 15
CASE = kernel("a").id


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository whose fifteenth commit made a case 20 % slower, which was confirmed; its store has a run of each
    commit."""
    folder = tmp_path_factory.mktemp("history")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "some body")
    git(folder, "config", "user.email", "some@example.com")
    (folder / "suites").mkdir()
    (folder / "suites" / "synthetic.yaml").write_text("suite: 1\n")
    git(folder, "add", "--all")
    for number in range(COMMITS):
        git(folder, "commit", "--quiet", "--allow-empty", "-m", f"c{number}")
    commits = git(folder, "rev-list", "--reverse", "HEAD").split()
    store = Store(str(folder / ".harness" / "runs.sqlite"))
    for number, commit in enumerate(commits):
        case = measured(kernel("a"), [(12.0 if number >= SLOW_AT else 10.0) * (1 + 0.001 * (number % 3))])
        started = f"2026-01-{number + 1:02}T00:00:00+00:00"
        where = msgspec.structs.replace(ENVIRONMENT, commit=commit)
        store.add_run(stored(case, started=started, environment=where), f"uuid-{number}")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        [standing] = read(store, "").standings
    change = standing.changes[0].change
    events.add(
        store,
        [
            Confirmation(
                "c", "2026-02-01", "some body", "synthetic", CASE, change.machine, commits[SLOW_AT - 3], commits[-1],
                change.ratio, Answer.COMMIT, change.ratio, (Commit(commits[SLOW_AT], "slower"),), 20,
            )
        ],
    )  # fmt: skip
    store.close()
    return folder, commits


@pytest.fixture
def commits(made: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In a copy of the repository."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    return made[1]


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


def test_a_history_fails_on_what_it_is_told_to(commits: Sequence[str]) -> None:
    """On a suspicion that nobody measured, and on a case without times in the newest two runs; unasked on nothing."""
    store = Store()
    for name in ("suspected", "missing", "suspected,missing", ""):
        assert _harness("history", "", "--changes", *(["--fail-on", name] if name else []))[0] == 0, name
    failed = Measurement(kernel("a"), Status.FAILED, "it raised")
    for number in range(2):
        where = msgspec.structs.replace(ENVIRONMENT, commit=commits[-1])
        run = stored(failed, started=f"2026-02-0{number + 1}T00:00:00+00:00", environment=where)
        store.add_run(run, f"failed {number}")
    for name, status in (("missing", 3), ("new,missing", 1), ("suspected", 0)):
        assert _harness("history", "", "--changes", "--fail-on", name)[0] == status, name
    other = Store("unconfirmed.sqlite")
    for summary in store.runs():
        other.add_run(store.load(summary.id), summary.uuid)
    for name, status in (("suspected", 3), ("new", 0)):
        assert _harness("history", "", "--changes", "--fail-on", name, "--store", "unconfirmed.sqlite")[0] == status


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
    with pytest.raises(HarnessError, match="--fail-on old: allowed: new, suspected, missing, with --changes"):
        _harness("history", "", "--changes", "--fail-on", "old")


def test_a_store_that_takes_nothing_is_named_and_the_file_is_enough(
    commits: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """As for the reader of a team's database."""

    def refused(*_: object) -> None:
        raise StoreFailed("permission denied for table events")

    monkeypatch.setattr(events, "add", refused)
    for words in (
        ["accept", f"int4_mm@a@{commits[SLOW_AT]}", "--why", "so"],
        ["note", f"@{commits[1]}", "-m", "a fan"],
    ):
        status, said = _harness(*words)
        assert status == 0 and "in the file alone: permission denied" in said
    assert _changes()[1]["state"] == "accepted"
    assert (tmp_path / "suites" / "synthetic.history.yaml").read_text().count("\n- ") == 2


def test_a_note_of_no_suite_is_refused(commits: Sequence[str], tmp_path: Path) -> None:
    """Nobody would read its file."""
    with pytest.raises(HarnessError, match=r"nope\.yaml: no such suite; a note lies beside"):
        _harness("note", f"@{commits[1]}", "-m", "a fan", "--suite", "suites/nope.yaml")
    assert not (tmp_path / "suites" / "nope.history.yaml").exists()


def _compared(store: Store, base: str, head: str, slower: Sequence[str] = ("a",)) -> list[str]:
    """Two sides that were measured as pairs, head 5 % slower in these cases; their ids."""
    times = [10.0 + 0.002 * n for n in range(8)]
    sites = {site: (times, [(1.05 if site in slower else 1.0) * time for time in times]) for site in ("a", "b")}
    made = []
    for side, commit in zip(two_sides(sites, comparison=f"{base} {head} {slower}"), (base, head), strict=True):
        where = msgspec.structs.replace(ENVIRONMENT, commit=commit)
        run = msgspec.structs.replace(side.run, environment=where)
        made.append(store.add_run(run, f"{commit} of {base} {head} {slower}"))
    return made


def _gate(fail_on: str, sides: Sequence[str]) -> tuple[int, str]:
    return _harness("compare", *sides, *(["--fail-on", fail_on] if fail_on else []))


def test_a_comparison_fails_on_what_it_is_told_to(commits: Sequence[str]) -> None:
    """On every gated slowdown unless told otherwise; on new ones until they are accepted; JSON says so, too."""
    store = Store()
    sides = _compared(store, commits[3], commits[4])
    for fail_on, status in (("", 1), ("new,undecided", 1), ("undecided", 0), ("none", 0)):
        assert _gate(fail_on, sides)[0] == status, fail_on
    for wrong in ("old", "new,old", "none,new", ","):
        with pytest.raises(HarnessError, match="allowed: slower, new, undecided"):
            _gate(wrong, sides)
    assert _harness("accept", f"int4_mm@a@{commits[4]}", "--why", "it was wrong")[0] == 0
    status, text = _gate("new", sides)
    assert status == 0 and "SLOWER" in text and "it was wrong" in text and "exit status 0" in text
    assert _gate("slower", sides)[0] == _gate("", sides)[0] == 1
    document = json.loads(_harness("compare", *sides, "--fail-on", "new", "--json")[1])
    assert (document["exit_status"], document["fail_on"], document["accepted"]) == (0, ["new"], [CASE])


def test_what_was_accepted_covers_itself_alone(commits: Sequence[str]) -> None:
    """Another case, other commits and a larger slowdown fail all the same; so does what a broken file says."""
    store = Store()
    _compared(store, commits[3], commits[4])
    assert _harness("accept", f"int4_mm@a@{commits[4]}", "--why", "it was wrong")[0] == 0
    assert _gate("new", _compared(store, commits[3], commits[4], ("a", "b")))[0] == 1
    assert _gate("new", _compared(store, commits[4], commits[5]))[0] == 1
    assert _gate("new", _compared(store, commits[2], commits[6]))[0] == 0
    file = Path("suites/synthetic.history.yaml")
    file.write_text(file.read_text().replace("at_most_percent: 6", "at_most_percent: 4"))
    sides = _compared(store, commits[2], commits[7])
    assert _gate("new", sides)[0] == 1
    file.write_text("- accept: int4_mm@a\n")
    status, text = _gate("new", sides)
    assert status == 1 and "SLOWER" in text and "nothing is accepted" in text
