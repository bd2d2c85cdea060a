"""The shipped examples of own ops: ragged paged attention, and a float8 product with block scales, without a GPU."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.trials.commands import git, harness

EXAMPLES = REPOSITORY / "examples" / "own_op"


@pytest.mark.slow
@pytest.mark.parametrize("file", ["ops/ragged_paged_attention.py", "fp8_block_mm.py"])
def test_an_example_is_right_and_compiles(file: str, tmp_path: Path) -> None:
    """Checked in the interpreter on its own inputs, compiled for sm_90."""
    shutil.copytree(EXAMPLES, tmp_path / "own")
    found = harness(tmp_path / "own", "try", file, "--against", "none")
    assert found.status == 0 and "correct" in found.text and "sm_90: " in found.text, found.text


def test_a_change_of_an_own_kernel_is_compared_without_a_gpu(tmp_path: Path) -> None:
    """`compare --static` of a suite without a model, in a repository with nothing but the op and its suite."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    suite = (
        (tmp_path / "fp8.yaml").read_text().replace("n: [4096, 7168], k: 2048, tokens: [1, 8, 64]", "n: 256, k: 256")
    )
    (tmp_path / "fp8.yaml").write_text(suite)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "base")
    kernel = tmp_path / "fp8_block_mm.py"
    kernel.write_text(kernel.read_text().replace("num_warps=4, num_stages=3)", "num_warps=1, num_stages=3)"))
    found = harness(tmp_path, "compare", "HEAD", ".", "--static", "--target", "sm_90", "--arms", "mine", "--json")
    [case] = json.loads(found.text.split("\ncheck out", 1)[0].splitlines()[0])["cases"]
    assert case["verdict"] in ("WORSE", "CHANGED") and "num_warps 4 -> 1" in case["tunables"], found.text
