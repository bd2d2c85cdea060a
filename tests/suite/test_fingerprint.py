"""Equal fingerprints mean the same question with the same answer, wherever the tree lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.plan import expand
from harness.suite.fingerprint import fingerprints
from harness.suite.load import load_suite
from tests.conftest import REPOSITORY
from tests.suite.suite_files import SUITE


def tree(folder: Path, suite: str = SUITE) -> Path:
    """A copy of the kernels, with a suite beside them; returns the suite's path."""
    shutil.copytree(REPOSITORY / "kernels", folder / "kernels", ignore=shutil.ignore_patterns("__pycache__", "tuned"))
    (folder / "kernels" / "LIBRARY").touch()
    (folder / "suites").mkdir()
    shutil.copy(REPOSITORY / "suites" / "models.yaml", folder / "suites")
    path = folder / "suites" / "small.yaml"
    path.write_text(suite)
    return path


def prints(suite: Path) -> dict[str, str]:
    return fingerprints(expand(load_suite(suite)))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return prints(tree(tmp_path_factory.mktemp("here")))


def changed(folder: Path, here: dict[str, str], file: str, old: str, new: str, suite: str = SUITE) -> set[str]:
    """The ops and phases whose fingerprint another text of one file changes."""
    path = tree(folder, suite)
    target = path.parent.parent / file
    text = target.read_text()
    assert old in text
    target.write_text(text.replace(old, new, 1))
    there = prints(path)
    assert there.keys() == here.keys()
    return {case.partition("@")[0] for case in here if here[case] != there[case]}


def test_another_place_and_another_text_are_the_same_question(tmp_path: Path, here: dict[str, str]) -> None:
    """What the code says is for `harness.observe` to see."""
    assert {"int4_mm", "sdpa", "decode", "prefill"} == {case.partition("@")[0] for case in here}
    assert changed(tmp_path, here, "kernels/int4_mm/torch_blocked.py", "low @ even", "low @ (even + 0)") == set()


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("block_n: 32}}\n  other", "block_n: 64}}\n  other", {"int4_mm", "decode", "prefill"}),
        ("group: 64", "group: 32", {"int4_mm", "sdpa", "decode", "prefill"}),
    ],
)  # fmt: skip
def test_another_answer_and_other_weights_are_another_question(
    old: str, new: str, wanted: set[str], tmp_path: Path, here: dict[str, str]
) -> None:
    path = tree(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    there = prints(path)
    alike = {case.partition("@")[0] for case, found in here.items() if there.get(case) == found}
    assert wanted.isdisjoint(alike) and alike | wanted == {"int4_mm", "sdpa", "decode", "prefill"}
