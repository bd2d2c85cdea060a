"""What a run says of where it was measured."""

from __future__ import annotations

import subprocess
from pathlib import Path

import torch

from harness.device.choice import open_device
from harness.device.environment import commit_of, read_environment
from harness.values.measurement import METHOD_VERSION


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True
    ).stdout


def test_the_commit_says_whether_the_tree_differs_from_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "first")
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit_of(tmp_path) == head
    (tmp_path / "a").write_text("2")
    assert commit_of(tmp_path) == f"{head}+"


def test_without_git_the_commit_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    assert commit_of(tmp_path / "suites") is None
    (tmp_path / ".commit").write_text("abc123\n")
    assert commit_of(tmp_path / "suites") == "abc123"


def test_this_machine_describes_itself(tmp_path: Path) -> None:
    found = read_environment(open_device(), tmp_path, measure_bandwidth=False)
    assert found.torch == torch.__version__ and found.cpu_cores >= 1 and found.method == METHOD_VERSION
    assert found.read_gb_s is None and found.device_kind == ("cuda" if torch.cuda.is_available() else "cpu")
    assert found.differences(found) == ()
    if found.device_kind == "cpu":
        assert found.threads == torch.get_num_threads() and found.slug.startswith("cpu-")
