"""A slowdown is measured and its file named, wherever it lies; code that differs in comments alone is not measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paired import places
from tests.paired.repository import Repository, git_init

pytestmark = [pytest.mark.xdist_group("paired"), pytest.mark.slow]
SUITE = "suites/places.yaml"
Verdicts = dict[str, dict[str, Any]]


def compared(root: Path, chosen: dict[str, places.Place], *options: str) -> tuple[Verdicts, int]:
    """By arm, and the exit status, of one comparison of two commits that differ in all of these places."""
    root.mkdir()
    git_init(root)
    repository = Repository(root)
    for name, times in (("fast", 1), ("slow", 10)):
        places.write(root, times, chosen)
        (root / SUITE).write_text(places.suite(chosen))
        (root / ".gitignore").write_text("__pycache__/\n.harness/\n")
        repository.commit(name)
    one = ("--suite", SUITE, "-k", "int4_mm@gdn_in", "--rounds", "1", "--json")
    found = repository.harness("compare", "fast", "slow", *one, *options)
    assert found.stdout, found.stderr
    return {v["case"].rsplit("/", 1)[-1]: v for v in json.loads(found.stdout)["verdicts"]}, found.returncode


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    found, status = compared(tmp_path_factory.mktemp("places") / "repository", places.PLACES)
    assert status == 1
    return found


@pytest.mark.parametrize("place", places.PLACES)
def test_a_change_is_measured_and_named(place: str, verdicts: Verdicts) -> None:
    found, file = verdicts[place], places.PLACES[place].file
    assert found["verdict"] == "SLOWER" and found["ratio"] > 1.5
    assert file in found["changed"]
    if places.PLACES[place].alone:
        strangers = {p.file for p in places.PLACES.values()} - {file}
        assert strangers.isdisjoint(found["changed"]), "what another case read is not this one's"
        assert file in found["reason"]


def test_another_comment_and_docstring_is_the_same_code(verdicts: Verdicts) -> None:
    assert verdicts["control"]["verdict"] == "SAME" and "same code" in verdicts["control"]["reason"]
    assert verdicts["control"]["changed"] == []


def test_what_another_process_and_native_code_read_is_named_and_proves_nothing(tmp_path: Path) -> None:
    """The kernel tells which files were opened, not for which case: none of them is called the same unmeasured."""
    found, status = compared(tmp_path / "repository", places.UNOBSERVABLE, "--budget", "0.001")
    assert status == 3 and {v["verdict"] for v in found.values()} == {"UNDECIDED"}
    for verdict in found.values():
        assert {p.file for p in places.UNOBSERVABLE.values()} <= set(verdict["changed"])
