"""Which stored pairs a search goes on with."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.bisect.live import Bisection
from harness.revisions.git import git
from harness.runner.stage import Options
from harness.store import Store
from tests.compare.paired_stored import two_sides


def test_pairs_of_another_suite_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may ask a case of the same id at the same commits."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "somebody")
    git(tmp_path, "config", "user.email", "somebody@example.com")
    for number in range(2):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", f"{number}")
    monkeypatch.chdir(tmp_path)
    store = Store(str(tmp_path / "runs.sqlite"))

    def search(suite: str) -> Bisection:
        return Bisection("a", "HEAD~1", "HEAD", f"{suite}.yaml", store, Options(), lambda *_: None, print, None)

    mine = search("synthetic")
    note = mine._note(mine.good, mine.commits[0])
    for side in two_sides({"a": ([10.0, 10.0], [12.0, 12.0])}):
        store.add_run(msgspec.structs.replace(side.run, note=f"tree {note}", suite="synthetic"), side.run.id)
    [(base, head)] = mine._kept(note, "complete")
    assert base.run.pairing is not None and head.run.pairing is not None
    assert (base.run.pairing.side, head.run.pairing.side) == ("base", "head")
    assert list(search("another")._kept(note, "complete")) == []
