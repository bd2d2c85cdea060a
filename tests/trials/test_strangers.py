"""Six tasks of a stranger: from an empty folder, public commands only, to the answer that they came for.

Run with `-s`, each says the lines of the stranger's files and the seconds that its commands took.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.trials.commands import git, harness
from tests.trials.strangers_files import SWEPT, TASKS, lines_of

pytestmark = pytest.mark.slow

INTERPRETED = {"TRITON_INTERPRET": "1"}
"""How a suite of Triton kernels is checked without a GPU."""


class Stranger:
    """Types commands in a folder that holds their own files alone."""

    def __init__(self, task: str, folder: Path) -> None:
        self.task, self.folder, self.waited_s = task, folder, 0.0
        for name, text in TASKS[task].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    def types(self, command: str, status: int = 0, **environment: str) -> str:
        """`harness COMMAND`; what it prints. It must end with the status."""
        start = time.perf_counter()
        said = harness(self.folder, *command.split(), **environment)
        self.waited_s += time.perf_counter() - start
        assert said.status == status and "Traceback" not in said.text, f"{command}: {said.status}\n{said.text}"
        return said.text

    def changes(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text()
        assert text.count(old) == 1, f"{old!r} in {file}"
        (self.folder / file).write_text(text.replace(old, new))

    def done(self) -> None:
        print(f"\n{self.task}: {lines_of(self.task)} lines, {self.waited_s:.0f} s")


@pytest.fixture
def stranger(request: pytest.FixtureRequest, tmp_path: Path) -> Stranger:
    return Stranger(request.param, tmp_path)


def of(task: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stranger", [task], indirect=True)


@of("an op in one file")
def test_an_op_in_one_file(stranger: Stranger) -> None:
    """First correct and timed own op: at most 15 lines and 5 minutes."""
    said = stranger.types("try my_softmax.py")
    assert "correct" in said and " us (95 %" in said
    assert lines_of(stranger.task) <= 15 and stranger.waited_s <= 300
    stranger.done()


@of("paged attention")
def test_ragged_paged_attention_with_own_inputs(stranger: Stranger) -> None:
    """Block tables and lengths are the stranger's; one slot too many is found."""
    assert "correct" in stranger.types("try ops/ragged_paged_attention.py --against none")
    assert stranger.types("check s.yaml", **INTERPRETED).count("OK ") == 2
    stranger.done()
    stranger.changes("ops/ragged_paged_attention.py", "block * PAGE + slots < length", "block * PAGE + slots <= length")
    assert "INCORRECT" in stranger.types("check s.yaml", status=5, **INTERPRETED)


@of("a float8 product")
def test_a_float8_product_with_block_scales(stranger: Stranger) -> None:
    """Checked and compiled; the scale of the first block for all is found."""
    assert "sm_90: " in stranger.types("try fp8_block_mm.py --against none")
    assert stranger.types("check s.yaml", **INTERPRETED).count("OK ") == 4
    stranger.done()
    stranger.changes("fp8_block_mm.py", "(k // 128) + block)\n        acc", "(k // 128))\n        acc")
    said = stranger.types("check s.yaml --arms mine", status=5, **INTERPRETED)
    assert said.count("INCORRECT ") >= 2


@of("an autotuned kernel")
def test_an_autotuned_kernel_of_somebody_else(stranger: Stranger) -> None:
    """Their file stays as it is: the first configuration is checked, all are compiled."""
    said = stranger.types("try around.py --op swiglu --against none")
    assert "correct" in said and "swiglu_kernel with the first of its 4 configurations" in said and "sm_90: " in said
    stranger.done()
    stranger.changes("theirs.py", "gate * tl.sigmoid(gate) * up", "gate * tl.sigmoid(gate) * gate")
    assert "INCORRECT" in stranger.types("try around.py --op swiglu --against none", status=5)


@of("a package")
def test_a_package_with_helpers(stranger: Stranger) -> None:
    """Absolute and relative imports, tried by file, checked and run from a suite; a changed helper counts."""
    assert "correct" in stranger.types("try mine/op.py")
    assert stranger.types("check s.yaml").count("OK ") == 2
    assert "2 of 2 cases correct" in stranger.types("run s.yaml --rounds 2")
    stranger.done()
    sweep = "sweep s.yaml --rounds 1 --processes 2 --untrusted --allow-failure"
    stranger.changes("s.yaml", "shapes:", "sweep: {by_largest: {run: {parts: [1, 2]}}}\nshapes:")
    stranger.changes("mine/op.py", "def run(x):", "def run(x, *, parts=1):")
    stranger.types(sweep)
    assert " known before" in (again := stranger.types(sweep)) and " 0 known before" not in again
    stranger.changes("mine/rows.py", "/ size", "/ (size + 1)")
    assert stranger.types("check s.yaml", status=5).count("INCORRECT ") >= 2
    assert "values wrong" in stranger.types(sweep), "nothing that the former helper computed is known"


@of("sweep and compare")
def test_a_sweep_and_a_compare_without_a_model(stranger: Stranger) -> None:
    """The space is computed; `tuned` is what the sweep chose; a kernel made slow is SLOWER against the commit."""
    git(stranger.folder, "init", "-q")
    git(stranger.folder, "add", "soft.py", "s.yaml")
    git(stranger.folder, "commit", "-qm", "base")
    stranger.types("sweep s.yaml --rounds 2 --processes 2 --untrusted --allow-failure")
    [tuned] = (stranger.folder / "tuned").glob("*.json")
    assert json.loads(tuned.read_text())["entries"][0]["tunables"]["parts"] in (1, 2, 4)
    assert re.search("2 of 2 cases correct|1 of 1 case correct, 1 more", stranger.types("run s.yaml --rounds 2"))
    slow = SWEPT.replace("torch.softmax(part.float(), -1)", "torch.softmax(part.double().exp().log(), -1)")
    (stranger.folder / "soft.py").write_text(slow)
    said = stranger.types("compare HEAD . --arms mine --budget 120", status=1)
    assert "SLOWER" in said and "first changed line soft.py:16" in said
    stranger.done()


def test_the_page_says_the_lines_of_each_task() -> None:
    """docs/own-op.md has a row for each, with the lines as they are counted here."""
    page = (REPOSITORY / "docs" / "own-op.md").read_text()
    rows = dict(re.findall(r"^\| ([a-z0-9 ]+) \| (\d+) \|", page, re.MULTILINE))
    assert rows == {task: str(lines_of(task)) for task in TASKS}
