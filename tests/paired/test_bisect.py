"""`harness bisect` over a made repository, from end to end."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.paired.repository import SLOWER, SUITE, VARIANT, Repository, make

pytestmark = [pytest.mark.xdist_group("bisect"), pytest.mark.slow]

ONE = ("--suite", SUITE, "--rounds", "1", "--json")
COMMITS = 6
SLOW_AT = 5
BROKEN_AT = 3


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Six commits after `fast`: one makes the product slower, one has no kernel that can be read, most touch a page."""
    found = make(tmp_path_factory.mktemp("bisect") / "repository")
    root, slow = found.root, (found.root / VARIANT).read_text()
    for number in range(1, COMMITS + 1):
        text = slow if number >= SLOW_AT else slow.replace(SLOWER, "    return out")
        (root / VARIANT).write_text("this is no Python (\n" if number == BROKEN_AT else text)
        found.commit(f"c{number}", README=f"{number}\n")
    return found


def _bisect(repository: Repository, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = repository.harness("bisect", *arguments, *ONE)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def _pairs_stored(repository: Repository) -> int:
    with sqlite3.connect(Path(repository.root, ".harness", "runs.sqlite")) as raw:
        return int(raw.execute("SELECT count(*) FROM slots").fetchone()[0])


def test_the_commit_is_found_after_a_kill_and_past_a_broken_one(repository: Repository) -> None:
    """^C ends a search with one line, and the same command goes on. The commit is named with its ratio against the one
    before it. Asked once more, nothing is measured anew but the commits that have no pair."""
    process = repository.start("bisect", "int4_mm@gdn_in", "c1", f"c{COMMITS}", *ONE)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("pair 2"):
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130 and "every pair is stored" in said
    status, found, said = _bisect(repository, "int4_mm@gdn_in", "c1", f"c{COMMITS}")
    assert status == 0, said
    assert [commit["subject"] for commit in found["left"]] == [f"c{SLOW_AT}"]
    assert found["confirmed"]["low"] > 1.5 and found["is_alone"]
    states = {step["commit"]["subject"]: step["state"] for step in found["steps"]}
    assert states == {f"c{BROKEN_AT}": "broken", "c4": "same code", f"c{SLOW_AT}": "bad"}
    before = _pairs_stored(repository)
    again = _bisect(repository, "int4_mm@gdn_in", "c1", f"c{COMMITS}")
    assert again[0] == 0 and again[1]["left"] == found["left"] and again[1]["ends"] == found["ends"]
    assert _pairs_stored(repository) - before <= 4


def test_what_did_not_change_is_not_reproducible(repository: Repository) -> None:
    """Two ends that run the same code; status 3."""
    status, found, _ = _bisect(repository, "int4_mm@gdn_in", "c1", "c2")
    assert (status, found["result"], found["left"]) == (3, "not reproducible", [])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("int4_mm@gdn_in", "c3", "c1"), "c3 is no ancestor of c1"),
        (("int4_mm@gdn_in", "c3", "c3"), "the same commit"),
        (("int4_mm@gdn_in", "c1", "nothing"), "nothing: neither a stored run nor a revision"),
        (("int4_mm", "c1", "c2"), "cases, allowed: one of"),
    ],
)
def test_a_wrong_question_is_one_line(repository: Repository, arguments: tuple[str, ...], line: str) -> None:
    status, found, said = _bisect(repository, *arguments)
    assert (status, found) == (2, {}) and line in said
