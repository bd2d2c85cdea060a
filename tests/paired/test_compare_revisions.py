"""`harness compare BASE HEAD` of two revisions, from end to end: real worktrees, real processes, one store."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.revisions.git import git
from harness.runner.live_sides import Live, prepare
from harness.runner.stage import Options
from harness.runner.terms import Terms
from harness.store import Store
from harness.values.run import Run
from tests.paired.repository import SUITE, TEXT, VARIANT, Repository, make

ONE = ("--suite", SUITE, "-k", "int4_mm@gdn_in", "--rounds", "1")

pytestmark = pytest.mark.xdist_group("compare_revisions")
measured = pytest.mark.slow
"""Whole comparisons, from checkouts to verdicts."""


class Both(NamedTuple):
    """What two comparisons of one repository said that ran at the same time."""

    repository: Repository
    status: int
    document: dict[str, Any]
    said: str
    other_status: int
    other_said: str


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make(tmp_path_factory.mktemp("paired") / "repository")


@pytest.fixture(scope="module")
def both(repository: Repository) -> Both:
    """`fast` against `slow` until it is decided, beside another one whose budget is spent at once."""
    first = repository.start("compare", "fast", "slow", *ONE, "--json")
    second = repository.start("compare", "fast", ".", *ONE, "--budget", "0.001")
    out, said = first.communicate()
    _, other_said = second.communicate()
    assert "Traceback" not in said + other_said, said + other_said
    return Both(repository, first.returncode, json.loads(out), said, second.returncode, other_said)


def stored(repository: Repository) -> Store:
    return Store(str(repository.root / ".harness" / "runs.sqlite"))


def sides(repository: Repository, *, head: str) -> tuple[Run, Run]:
    """The newest runs of a comparison whose head was that tree."""
    store = stored(repository)
    runs = [store.load(run.id) for run in store.runs()]
    found = [run for run in runs if run.pairing and run.pairing.side == "head" and run.pairing.tree.name == head][-1]
    assert found.pairing is not None
    key = found.pairing.comparison
    base = next(r for r in runs if r.pairing and r.pairing.comparison == key and r.pairing.side == "base")
    return base, found


@measured
def test_a_head_that_is_slower_is_found_and_is_status_1(both: Both) -> None:
    (verdict,) = both.document["verdicts"]
    assert both.status == both.document["exit_status"] == 1, both.said
    assert verdict["verdict"] == "SLOWER" and verdict["level"] == "pair" and verdict["pairs"] >= 4
    assert verdict["ratio"] > 1.3 and verdict["low"] > 1
    assert verdict["outputs"]["sameness"] == "bit for bit", "it sleeps, and computes the same"


@measured
def test_each_side_ran_its_own_tree_in_fresh_processes_in_both_orders(both: Both) -> None:
    """Kernels from the revision, the harness from here; every process says what it ran."""
    base, head = sides(both.repository, head="slow")
    assert base.state == head.state == "complete" and base.processes == head.processes >= 4
    for run in (base, head):
        assert run.pairing is not None and [slot.process for slot in run.slots] == list(range(run.processes + 1))
        folder = run.pairing.tree.folder
        for slot in run.slots:
            assert not slot.outside and f"{folder}/{VARIANT}" in slot.files
            assert all(file.startswith(folder) for file in slot.files)
    assert all(a.position + b.position == 1 for a, b in zip(base.slots, head.slots, strict=True))
    slower = "sleep(0.005)"
    assert any(slower in text for text in head.sources.values())
    assert not any(slower in text for text in base.sources.values())


@measured
def test_two_at_once_take_turns_and_lose_nothing(both: Both) -> None:
    """The second one had no time for a pair: undecided, status 3, its checks stored."""
    assert both.other_status == 3, both.other_said
    base, head = sides(both.repository, head=".")
    assert {base.state, head.state} == {"complete"} and {m.status for m in head.measurements} == {"OK"}
    assert "locked" not in both.repository.worktrees


@measured
def test_the_stored_sides_are_judged_again_to_the_same_verdict(both: Both) -> None:
    base, head = sides(both.repository, head="slow")
    again = both.repository.harness("compare", base.id, head.id, "--json")
    assert again.returncode == 1 and json.loads(again.stdout)["verdicts"] == both.document["verdicts"]
    shown = both.repository.harness("compare", base.id, head.id)
    assert "fast" in shown.stdout and "SLOWER" in shown.stdout and "pairs" in shown.stdout
    assert both.repository.harness("show", head.id).returncode == 0


@measured
def test_sides_of_comparisons_are_not_the_last_run(both: Both) -> None:
    found = both.repository.harness("report", "last")
    assert found.returncode == 2 and "has 0 complete runs" in found.stderr


@measured
def test_a_kill_in_the_middle_leaves_a_run_that_can_be_read_and_nothing_locked(both: Both) -> None:
    """kill -9 after the first pair: partial, with its samples; the next comparison works in the same checkouts."""
    repository = both.repository
    process = repository.start("compare", "slow", "fast", *ONE)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("pair 1"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    base, head = sides(repository, head="fast")
    assert base.state == head.state == "partial" and head.measurements[0].samples
    assert "locked" not in repository.worktrees
    found = repository.harness("compare", base.id, head.id)
    assert found.returncode == 3 and "1 pair; a verdict needs 4" in " ".join(found.stdout.split())


@measured
def test_an_interrupt_says_what_is_kept(both: Both) -> None:
    """SIGTERM is taken like ^C; not status 1, which is a regression."""
    process = both.repository.start("compare", "fast", "slow", *ONE)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("head  slow"):
            break
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    base, head = sides(both.repository, head="slow")
    assert process.returncode == 130
    assert f"interrupted; 0 pairs are kept: harness compare {base.id} {head.id}" in said
    assert {base.state, head.state} == {"partial"}


@measured
def test_the_same_code_is_the_same_without_being_measured(repository: Repository) -> None:
    """Two names of one commit; and a commit that changes nothing that runs."""
    text = (repository.root / VARIANT).read_text()
    repository.commit("prose", README="prose\n", **{VARIANT.replace("/", "__"): f"# a comment\n{text}"})
    for head in ("main~1", "prose"):
        found = repository.harness("compare", "slow", head, *ONE, "--json")
        document = json.loads(found.stdout)
        assert found.returncode == 0, found.stderr
        assert [v["verdict"] for v in document["verdicts"]] == ["SAME"]
        assert "same code" in document["verdicts"][0]["reason"]


@measured
def test_what_runs_outside_of_its_tree_is_invalid(repository: Repository, tmp_path: Path) -> None:
    """A variant by a dotted name that Python finds elsewhere first: the same file on both sides, whatever changed."""
    package = tmp_path / "elsewhere"
    package.mkdir()
    shutil.copy(repository.root / VARIANT, package / "product.py")
    repository.commit("dotted", **{"suites__small.yaml": TEXT.replace("torch_blocked", "elsewhere.product")})
    repository.commit("dotted2", **{VARIANT.replace("/", "__"): (repository.root / VARIANT).read_text() + "\n"})
    found = repository.harness(
        "compare", "dotted", "dotted2", *ONE, "--measure-identical", "--json", path=str(tmp_path)
    )
    document = json.loads(found.stdout)
    assert found.returncode == 5, found.stderr
    assert [v["verdict"] for v in document["verdicts"]] == ["INVALID"]
    assert "product.py, which lies outside its tree" in document["verdicts"][0]["reason"]


@measured
def test_a_package_of_the_working_tree_is_not_of_either_side(repository: Repository) -> None:
    """With `src/` on PYTHONPATH, as an editable install has it, both sides would import the working tree's copy."""
    package = repository.root / "src" / "ours_by_path"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("TIMES = 1\n")
    text = (repository.root / VARIANT).read_text().replace("import torch\n", "import ours_by_path\nimport torch\n", 1)
    git(repository.root, "checkout", "--quiet", "-b", "packaged", "fast")
    repository.commit("packaged1", **{VARIANT.replace("/", "__"): text})
    (package / "__init__.py").write_text("TIMES = 0\n")
    repository.commit("packaged2")
    found = repository.harness("compare", "packaged1", "packaged2", *ONE, "--json", path=str(package.parent))
    git(repository.root, "checkout", "--quiet", "main")
    [verdict] = json.loads(found.stdout)["verdicts"]
    assert found.returncode == 5 and verdict["verdict"] == "INVALID"
    assert "src/ours_by_path/__init__.py, which lies outside its tree" in verdict["reason"]


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (("fsat", "slow", *ONE), 2, "fsat: neither a stored run nor a revision of "),
        (("fast", "slow", "--suite", "suites/smal.yaml"), 2, "has no suite suites/smal.yaml; allowed: "),
        (("fast", "slow", *ONE[:2], "-k", "int4_mn"), 2, "base (fast "),
        (("fast:basline", "slow", *ONE), 2, "unknown arm basline; allowed: baseline; did you mean baseline?"),
        (("fast:", "slow", *ONE), 2, "no arm after the colon"),
        (("fast:baseline", "slow", *ONE, "--arms", "baseline"), 2, "--arms baseline: for sides that name no arm"),
        (("fast", "slow", *ONE, "--head-python", "pyton9"), 2, "--head-python pyton9: no such program"),
        (("fast", "1", *ONE), 2, "1 is a stored run and fast would be measured now"),
        (("1", "fsat"), 2, "fsat: neither a stored run nor a revision of "),
        (("1", "2", "--budget", "3"), 2, "--budget: for sides that are measured"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_measured(
    arguments: tuple[str, ...], status: int, line: str, repository: Repository
) -> None:
    before = len(stored(repository).runs())
    found = repository.harness("compare", *arguments)
    assert found.returncode == status and found.stdout == ""
    assert [text for text in found.stderr.splitlines() if text.startswith("error: ") and line in text]
    assert len(stored(repository).runs()) == before and "locked" not in repository.worktrees


def test_a_revision_without_the_suite_and_one_whose_setup_fails(repository: Repository) -> None:
    """Said of the side that lacks it; a failing setup is status 5, and the checkout is none the worse for it."""
    git(repository.root, "checkout", "--quiet", "-b", "side", "fast")
    (repository.root / SUITE).unlink()
    repository.commit("nosuite")
    repository.commit("typo", **{"suites__small.yaml": TEXT.replace("torch_blocked", "torch_bloked")})
    repository.commit("badsetup", **{"suites__small.yaml": TEXT.replace("900}", "900, setup: echo no nvcc; exit 7}")})
    git(repository.root, "checkout", "--quiet", "main")
    found = repository.harness("compare", "nosuite", "fast", *ONE)
    assert (
        found.returncode == 2 and "base (nosuite " in found.stderr and "has no suite suites/small.yaml" in found.stderr
    )
    found = repository.harness("compare", "fast", "badsetup", *ONE)
    assert (
        found.returncode == 5 and "compare.setup: `echo no nvcc; exit 7` ended with status 7: no nvcc" in found.stderr
    )
    found = repository.harness("compare", "badsetup", "typo", *ONE)
    assert found.returncode == 2 and "set up" not in found.stderr, "what is written wrong is said before a long build"
    assert "locked" not in repository.worktrees


def test_two_interpreters_of_one_revision_are_set_up_apart(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a setup builds with one of them is not what the other one runs."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    build = "900, setup: echo $PATH > built.log}"
    git(repository.root, "checkout", "--quiet", "-b", "builds", "fast")
    repository.commit("build", **{"suites__small.yaml": TEXT.replace("900}", build)})
    git(repository.root, "checkout", "--quiet", "main")
    monkeypatch.chdir(repository.root)
    live = Live("build", "build", SUITE, "int4_mm@gdn_in", pythons=("", str(wrapper)))
    for _ in range(2):
        pairs = prepare(live, stored(repository), Options(processes=0), Terms(), lambda *_: None, lambda _: None)
        built = [(side.checkout.root / "built.log").read_text() for side in (pairs.base, pairs.head)]
        assert [text.split(":")[0] for text in built] == [str(Path(sys.executable).parent), str(tmp_path)]


def test_without_a_repository_only_the_tree_as_it_is_can_be_a_side(tmp_path: Path) -> None:
    repository = make(tmp_path / "plain")
    shutil.rmtree(repository.root / ".git")
    found = repository.harness("compare", "fast", ".", *ONE)
    assert found.returncode == 2 and "is in no git repository" in found.stderr


def test_another_order_of_sums_is_news_before_anything_is_timed(repository: Repository) -> None:
    """Both sides were checked on the same operands; their outputs differ in the last bits."""
    fast = git(repository.root, "show", f"fast:{VARIANT}") + "\n"
    summed = fast.replace("torch.addmm(low @ even, high, odd)", "torch.addmm(low.flip(1) @ even.flip(0), high, odd)")
    repository.commit("summed", **{"suites__small.yaml": TEXT, "kernels__int4_mm__torch_blocked.py": summed})
    found = repository.harness("compare", "fast", "summed", *ONE, "--budget", "0.001", "--json")
    assert found.stdout, found.stderr
    (verdict,) = json.loads(found.stdout)["verdicts"]
    assert found.returncode == 3 and verdict["verdict"] == "UNDECIDED", found.stderr
    assert verdict["outputs"]["sameness"] == "within tolerance", verdict
    assert 1e-9 < verdict["outputs"]["rms_difference"] < 1e-5
    assert any("1 equal within rounding" in note for note in json.loads(found.stdout)["notes"])
