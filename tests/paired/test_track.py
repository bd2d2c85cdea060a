"""`harness track` over a made repository, from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.store import Store, events
from harness.values.event import Broken
from tests.paired.repository import SUITE, VARIANT, make

pytestmark = [pytest.mark.xdist_group("bisect"), pytest.mark.slow]

ONE = (SUITE, "--since", "slow", "-k", "int4_mm@gdn_in", "--only", "kernels", "--rounds", "1", "--json")


def test_commits_are_measured_once_each_and_a_broken_one_is_remembered(tmp_path: Path) -> None:
    """The newest first; a point of each stands in the history in the order of the commits, with a look at the machine.
    Asked again, nothing is measured; and a commit before the first is told apart."""
    repository = make(tmp_path / "repository")
    text = (repository.root / VARIANT).read_text()
    for number in (1, 2, 3):
        (repository.root / VARIANT).write_text("this is no Python (\n" if number == 2 else text)
        repository.commit(f"c{number}", README=f"{number}\n")
    done = repository.harness("track", *ONE)
    assert done.returncode == 0, done.stderr
    assert done.stderr.index(": c3\n") < done.stderr.index(": c1\n")
    assert "2 of 3 commits were measured now" in done.stderr and "cannot be measured" in done.stderr
    [series] = json.loads(done.stdout)["series"]
    store = Store(str(repository.root / ".harness" / "runs.sqlite"))
    order = [repository.of(name) for name in ("c1", "c3")]
    assert [point["commit"] for point in series["points"]] == order
    assert [type(event) for event in events.of_suite(store, "small")] == [Broken]
    assert len(store.sniffs()) == 2 and all(look.sniff.host for look in store.sniffs())

    again = repository.harness("track", *ONE)
    assert again.returncode == 0 and "0 of 3 commits were measured now" in again.stderr
    wrong = repository.harness("track", SUITE, "--since", "nothing")
    assert wrong.returncode == 2 and "neither a stored run nor a revision" in wrong.stderr
