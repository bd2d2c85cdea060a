"""Links, pipes, misspelt options and checkpoints that are not there: one line each, at once."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.suite.checkpoint import problem_of
from harness.suite.load import load_suite
from tests.own_ops.ops import SOFTMAX
from tests.suite.suite_files import SUITE, write_suite
from tests.trials.commands import git, harness


def test_pipes_and_links_neither_hang_nor_trace_back(tmp_path: Path) -> None:
    """A suite, a neighbour of a misspelt one, a trace: a pipe is said to be one, a circle of links cannot be read."""
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    said = {
        ("list", "misspelt.yaml"): "misspelt.yaml: no such suite; allowed: nothing",
        ("list", "loop.yaml"): "Too many levels of symbolic links",
        ("list", "pipe.yaml"): "pipe.yaml: cannot be read: no file, but a pipe",
        ("breakdown", "pipe.yaml"): "pipe.yaml: a pipe, not a file",
    }
    for command, words in said.items():
        found = harness(tmp_path, *command)
        assert found.status == 2 and words in found.text and "Traceback" not in found.text, found.text


def test_a_suite_behind_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(write_suite(tmp_path))
    assert load_suite(tmp_path / "link.yaml").title == "A small one"


def test_a_misspelt_routing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k.py").write_text("def run(x, weight):\n    return x @ weight.T\n")
    found = harness(tmp_path, "try", "k.py", "--op", "linear", "--routing", "skewd")
    assert (
        found.status == 2 and "--routing skewd: unknown; allowed: skewed, uniform; did you mean skewed?" in found.text
    )


def test_a_size_that_is_given_as_a_tunable_is_said(tmp_path: Path) -> None:
    (tmp_path / "scaled.py").write_text(SOFTMAX)
    said = harness(tmp_path, "try", "scaled.py", "rows=3")
    assert said.status == 2 and "rows=3: no such tunable; --shape rows=3 gives a size" in said.text, said.text


def test_a_checkpoint_is_looked_at_while_planning(tmp_path: Path) -> None:
    """Missing, of another size, cut off: said at the key of the suite, before a kernel is timed."""
    file = write_suite(tmp_path, "{group: 64}", "{group: 64, from: ./nope}")
    with pytest.raises(HarnessError, match=r"small\.yaml:5:28: weights\.from: .*nope: no such folder"):
        load_suite(file)
    folder = tmp_path / "nope"
    folder.mkdir()
    assert problem_of(folder, {}) == f"{folder / 'config.json'}: no such file"
    (folder / "config.json").write_text(json.dumps({"text_config": {"hidden_size": 8}}))
    assert problem_of(folder, {"hidden_size": 8}) == f"{folder}: no *.safetensors in it"
    assert problem_of(folder, {"hidden_size": 9}) == f"{folder / 'config.json'}: hidden_size is 8, wanted: 9"
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "model.safetensors").write_bytes(whole)
    assert problem_of(folder, {"hidden_size": 8}) == ""
    (folder / "model.safetensors").write_bytes(whole[:-1])
    assert problem_of(folder, {}) == f"{folder / 'model.safetensors'}: cut off: {len(whole) - 1} of {len(whole)} bytes"


def test_evidence_that_cannot_be_kept_leaves_the_verdict(tmp_path: Path) -> None:
    """INCORRECT stays INCORRECT where `.harness` is a file."""
    (tmp_path / "zeros.py").write_text("def run(x, weight):\n    return 0 * x @ weight.T\n")
    (tmp_path / ".harness").write_text("")
    found = harness(tmp_path, "try", "zeros.py", "--op", "linear", "--against", "none", "--store", str(tmp_path / "s"))
    assert found.status == 5 and "INCORRECT" in found.text, found.text
    assert "its evidence could not be kept" in found.text and "Traceback" not in found.text


def test_git_overlooks_what_the_harness_keeps(tmp_path: Path) -> None:
    """After any command, `git add -A` adds none of it; the only suite is compared wherever it lies."""
    git(tmp_path, "init", "-q")
    (tmp_path / "deep").mkdir()
    write_suite(tmp_path / "deep", text=SUITE)
    (tmp_path / "k.py").write_text("def run(x, weight):\n    return x @ weight.T\n")
    harness(tmp_path, "try", "k.py", "--op", "linear", "--against", "none")
    git(tmp_path, "add", "-A")
    kept = subprocess.run(["git", "ls-files"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert kept == ["deep/small.yaml", "k.py"]
    git(tmp_path, "commit", "-qm", "base")
    found = harness(tmp_path, "compare", "HEAD", ".", "--static", "--arms", "nobody")
    assert "unknown arm nobody" in found.text, found.text
