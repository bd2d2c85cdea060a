"""Equal fingerprints mean the same code, wherever it lies; anything that runs changes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.runner.planner import Wanted, plan_of
from tests.conftest import REPOSITORY
from tests.suite.suite_files import SUITE, VARIANT


def tree(folder: Path, suite: str = SUITE) -> Path:
    """A copy of the kernels, with a suite beside them; returns the suite's path."""
    shutil.copytree(REPOSITORY / "kernels", folder / "kernels", ignore=shutil.ignore_patterns("__pycache__", "tuned"))
    (folder / "suites").mkdir()
    shutil.copy(REPOSITORY / "suites" / "models.yaml", folder / "suites")
    path = folder / "suites" / "small.yaml"
    path.write_text(suite)
    return path


def prints(suite: Path) -> dict[str, str]:
    return plan_of(Wanted(str(suite))).fingerprints


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


def test_another_place_and_another_comment_are_the_same_code(tmp_path: Path, here: dict[str, str]) -> None:
    assert {"int4_mm", "sdpa", "decode", "prefill"} == {case.partition("@")[0] for case in here}
    assert changed(tmp_path, here, "kernels/int4_mm/torch_blocked.py", '"""An int4', '# more\n\n"""Some int4') == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "wanted"),
    [
        ("kernels/int4_mm/torch_blocked.py", "low @ even", "low @ (even + 0)", {"int4_mm", "decode", "prefill"}),
        ("kernels/sdpa/spec.py", "OP = ", "UNUSED = 1\nOP = ", {"sdpa", "decode", "prefill"}),
        ("kernels/packing.py", "import torch", "import torch\n\nUNUSED = 1", {"int4_mm", "decode", "prefill"}),
        ("kernels/models/qwen3_5_moe/model.py", "from ...con", "UNUSED = 1\nfrom ...con", {"decode", "prefill"}),
        ("suites/small.yaml", "block_n: 32}}\n  other", "block_n: 64}}\n  other", {"int4_mm", "decode", "prefill"}),
    ],
)  # fmt: skip
def test_what_runs_changes_the_cases_that_run_it(
    file: str, old: str, new: str, wanted: set[str], tmp_path: Path, here: dict[str, str]
) -> None:
    """A variant, an op's definition, what both import, the model, a tunable."""
    assert wanted <= changed(tmp_path, here, file, old, new) <= {"int4_mm", "sdpa", "decode", "prefill"}


def test_a_variant_that_does_more_than_import_has_none(tmp_path: Path) -> None:
    """Whoever opens files may run what no import names: never called the same."""
    suite = tree(tmp_path, SUITE.replace("torch_blocked: {block_n: 32}", "./mine.py: {}"))
    mine = suite.parent / "mine.py"
    mine.write_text(VARIANT)
    assert any(case.startswith("int4_mm") for case in prints(suite))
    mine.write_text(VARIANT + "\nTABLE = open(__file__).read()\n")
    assert not any(case.startswith(("int4_mm", "decode")) for case in prints(suite))
