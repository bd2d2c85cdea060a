"""A slowdown is measured and its file named, wherever it lies; code that differs in comments alone is not measured.

Where a change is seen, and in which case, is asked without torch in `tests/observe`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.revisions.git import git
from tests.paired import places
from tests.paired.repository import Repository, git_init, make

pytestmark = [pytest.mark.xdist_group("places"), pytest.mark.slow]
SUITE = "suites/places.yaml"
ONE = ("--suite", SUITE, "-k", "int4_mm@gdn_in", "--rounds", "1", "--json")
NOT_TIMED = ("--budget", "0.001")
CHOSEN = places.PLACES | (places.COMPILED if shutil.which("cc") else {})
MODEL = """\
suite: 1
title: A standard model
model: qwen3_moe_tiny
dtype: float32
weights: {group: 64}
arms: {a: {int4_mm: torch_blocked}}
kernels: {ops: [int4_mm], tokens: [1]}
decode: {engines: [eager], batch: [1], context: [64], new_tokens: 8}
compare: {gate: [decode, int4_mm], budget_s: 900}
"""
Verdicts = dict[str, dict[str, Any]]


def written(repository: Repository, times: int, chosen: dict[str, places.Place], **setup: str) -> None:
    """The places with that number, committed as `fast` or `slow`."""
    places.write(repository.root, times, chosen)
    text = places.suite(chosen)
    for command in setup.values():
        text = text.replace("budget_s: 900", f"budget_s: 900, setup: {command}")
    (repository.root / SUITE).write_text(text)
    repository.commit("fast" if times == 1 else "slow")


def new_repository(root: Path, *ignored: str) -> Repository:
    root.mkdir()
    git_init(root)
    (root / ".gitignore").write_text("\n".join(("__pycache__/", ".harness/", *ignored)))
    return Repository(root)


def compared(repository: Repository, *options: str) -> tuple[Verdicts, dict[str, Any]]:
    """By arm, and the whole document, of `fast` and `slow`."""
    found = repository.harness("compare", "fast", "slow", *ONE, *options)
    assert found.stdout, found.stderr
    document = json.loads(found.stdout)
    return {v["case"].rsplit("/", 1)[-1]: v for v in document["verdicts"]}, document


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    repository = new_repository(tmp_path_factory.mktemp("places") / "repository")
    for times in (1, 10):
        written(repository, times, CHOSEN)
    found, document = compared(repository)
    assert document["exit_status"] == 1
    return found


@pytest.mark.parametrize("place", CHOSEN)
def test_a_change_is_measured_and_named(place: str, verdicts: Verdicts) -> None:
    found, file = verdicts[place], CHOSEN[place].file
    assert found["verdict"] == "SLOWER" and found["ratio"] > 1.5
    assert file in found["changed"]
    if CHOSEN[place].alone:
        strangers = {p.file for p in CHOSEN.values()} - {file}
        assert strangers.isdisjoint(found["changed"]), "what another case read is not this one's"
        assert found["changed"][0] in found["reason"]


def test_another_comment_and_docstring_is_the_same_code(verdicts: Verdicts) -> None:
    assert verdicts["control"]["verdict"] == "SAME" and "same code" in verdicts["control"]["reason"]
    assert verdicts["control"]["changed"] == []


def test_what_another_process_and_native_code_read_is_named_and_proves_nothing(tmp_path: Path) -> None:
    """The kernel tells which files were opened, not for which case: none of them is called the same unmeasured."""
    repository = new_repository(tmp_path / "repository")
    for times in (1, 10):
        written(repository, times, places.UNOBSERVABLE)
    found, document = compared(repository, *NOT_TIMED)
    assert document["exit_status"] == 3 and {v["verdict"] for v in found.values()} == {"UNDECIDED"}
    for verdict in found.values():
        assert {p.file for p in places.UNOBSERVABLE.values()} <= set(verdict["changed"])
        assert "opened by native code or another process" in verdict["reason"]


def test_a_submodule_is_of_the_tree_and_a_librarys_name_at_its_root_is_said(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repository")
    chosen = {"in_submodule": places.Place("from third.times import TIMES", "third/times.py")}
    third = new_repository(tmp_path / "third")
    third.commit("one", **{"times.py": ""})
    git(repository.root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(third.root), "third")
    git(repository.root / "third", "config", "user.name", "somebody")
    git(repository.root / "third", "config", "user.email", "somebody@example.com")
    (repository.root / "colorsys.py").write_text("")
    for times in (1, 10):
        (repository.root / "third" / "times.py").write_text(f"TIMES = {times}\n")
        git(repository.root / "third", "add", "times.py")
        git(repository.root / "third", "commit", "--quiet", "-m", str(times))
        written(repository, times, chosen)
    found, document = compared(repository, *NOT_TIMED)
    assert found["in_submodule"]["verdict"] == "UNDECIDED" and found["in_submodule"]["changed"] == ["third/times.py"]
    assert found["control"]["verdict"] == "SAME"
    assert any(note.startswith("both sides: colorsys.py at the root of the tree") for note in document["notes"])


def test_what_a_setup_generates_is_named_and_nothing_beside_it_is_the_same_unmeasured(tmp_path: Path) -> None:
    """Two setups may have built what differs in more than files that Python reads."""
    repository = new_repository(tmp_path / "repository", "made.py")
    chosen = {"generated": places.Place("from .made import TIMES", "suites/number.txt", "{}")}
    for times in (1, 10):
        written(repository, times, chosen, setup="(printf TIMES=; cat suites/number.txt) > suites/lib/made.py")
    found, _ = compared(repository, *NOT_TIMED)
    assert found["generated"]["changed"] == ["suites/lib/made.py"]
    assert {v["verdict"] for v in found.values()} == {"UNDECIDED"} and found["control"]["changed"] == []


def test_a_change_in_a_models_text_is_of_the_decode_alone(tmp_path: Path) -> None:
    repository = make(tmp_path / "repository")
    decoder = "kernels/models/decoder.py"
    text = (repository.root / decoder).read_text()
    step = '        return self._logits("decode"'
    assert step in text
    repository.commit("before", **{"suites/model.yaml": MODEL})
    repository.commit("after", **{decoder: text.replace(step, f"        len([])\n{step}")})
    options = ("--suite", "suites/model.yaml", "--rounds", "1", "--json")
    found = repository.harness("compare", "before", "after", *options, *NOT_TIMED)
    assert found.stdout, found.stderr
    verdicts = json.loads(found.stdout)["verdicts"]
    assert {v["verdict"] for v in verdicts if v["metric"] == "kernel_us"} == {"SAME"}
    [decode] = [v for v in verdicts if v["metric"] == "decode_us"]
    assert decode["verdict"] == "UNDECIDED" and decode["changed"] == [decoder], decode["reason"]
