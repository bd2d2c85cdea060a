"""`harness calibrate` of a real tree, as small as it can be: two worktrees, two pairs of processes, one kernel."""

from __future__ import annotations

import json

import pytest

from harness.store import Store
from tests.paired.repository import SUITE, VARIANT, Repository, make

pytestmark = pytest.mark.xdist_group("calibrate")


@pytest.mark.slow
def test_identical_code_is_measured_in_two_worktrees_and_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two pairs know nothing yet, and it says so; they count towards the sixteen."""
    repository = make(tmp_path_factory.mktemp("calibrate") / "repository")
    command = ("calibrate", SUITE, "-k", "int4_mm@gdn_in", "--rounds", "1", "--worktrees", "1", "--pairs", "2")
    found = repository.harness(*command, "--json")
    document = json.loads(found.stdout)
    assert found.returncode == 0 and document["cases"] == {} and len(document["runs"]) == 1
    store = Store(str(repository.root / ".harness" / "runs.sqlite"))
    base, head = (store.load(id) for id in document["runs"][0])
    assert base.pairing is not None and head.pairing is not None
    assert base.pairing.purpose == head.pairing.purpose == "calibrate" and base.processes == head.processes == 2
    assert base.pairing.tree.commit == head.pairing.tree.commit
    assert base.pairing.tree.folder != head.pairing.tree.folder
    assert base.measurements[0].samples and not any(slot.outside for slot in (*base.slots, *head.slots))


@pytest.mark.slow
def test_a_case_that_is_wrong_is_said_and_is_the_status(tmp_path_factory: pytest.TempPathFactory) -> None:
    repository = make(tmp_path_factory.mktemp("calibrate") / "repository")
    wrong = (repository.root / VARIANT).read_text().replace("return out", "return 0 * out")
    repository.commit("wrong", **{VARIANT: wrong})
    found = repository.harness(
        "calibrate", SUITE, "-k", "int4_mm@gdn_in", "--rounds", "1", "--worktrees", "1", "--pairs", "2"
    )
    assert found.returncode == 5 and "not calibrated yet" in found.stdout
    assert "failed: int4_mm@gdn_in/int4-g64/float32/baseline: " in found.stderr


def test_it_needs_a_repository_and_a_suite(tmp_path_factory: pytest.TempPathFactory) -> None:
    repository: Repository = make(tmp_path_factory.mktemp("calibrate") / "repository")
    found = repository.harness("calibrate", "suites/none.yaml")
    assert found.returncode == 2 and "has no suite suites/none.yaml" in found.stderr
    (repository.root / ".git").rename(repository.root / "elsewhere")
    found = repository.harness("calibrate", SUITE)
    assert found.returncode == 2 and "is in no git repository" in found.stderr
