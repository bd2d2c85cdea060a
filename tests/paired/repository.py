"""A small git repository of kernels and a suite, with revisions that differ in one CPU variant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.revisions.git import git
from tests import commands
from tests.conftest import REPOSITORY

SUITE = "suites/small.yaml"
TEXT = """\
suite: 1
title: One product
model: qwen3_5_moe_tiny
dtype: float32
weights: {group: 64}
arms: {baseline: {int4_mm: torch_blocked}}
kernels: {ops: [int4_mm, router]}
compare: {gate: [int4_mm], budget_s: 900}
"""
VARIANT = "kernels/int4_mm/torch_blocked.py"
SLOWER = "    import time\n\n    time.sleep(0.005)\n    return out"
"""Takes as long on a busy machine, and many times as long as the product."""


@dataclass(frozen=True)
class Repository:
    root: Path

    def commit(self, message: str, **files: str) -> None:
        """A commit with these files changed (`/` in names as `__`), tagged with the message."""
        for name, text in files.items():
            (self.root / name.replace("__", "/")).write_text(text)
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--allow-empty", "-m", message)
        git(self.root, "tag", message)

    def of(self, revision: str) -> str:
        return git(self.root, "rev-parse", f"{revision}^{{commit}}")

    def start(self, *arguments: str, path: str = "") -> subprocess.Popen[str]:
        """`harness ...` in the repository's root, as a process of its own. It takes no turns with comparisons of others
        on this machine, which would take long; nothing here depends on exact times."""
        environment = self._environment(path)
        command = [sys.executable, "-P", "-m", "harness", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def harness(self, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
        done = commands.harness(self.root, *arguments, environment=self._environment(path), finds_folder=False)
        assert "Traceback" not in done.err, done.err
        return subprocess.CompletedProcess(arguments, done.status, done.out, done.err)

    def _environment(self, path: str) -> dict[str, str]:
        found = os.pathsep.join(filter(None, (str(REPOSITORY), path)))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": found, "COLUMNS": "150"}
        environment["HARNESS_LOCKS"] = str(self.root.parent)
        environment.pop("HARNESS_STORE", None)
        return environment

    @property
    def worktrees(self) -> str:
        return git(self.root, "worktree", "list", "--porcelain")


def make(root: Path) -> Repository:
    """`fast`, and after it `slow`, where the int4 product does more than it needs; main is at `slow`."""
    root.mkdir()
    shutil.copytree(
        REPOSITORY / "kernels", root / "kernels", ignore=shutil.ignore_patterns("__pycache__", "tuned", "triton_*")
    )
    (root / "kernels" / "LIBRARY").touch()
    (root / "suites").mkdir()
    for name in ("models.yaml", "categories.yaml", "devices.yaml"):
        shutil.copy(REPOSITORY / "suites" / name, root / "suites")
    git_init(root)
    repository = Repository(root)
    fast = (REPOSITORY / VARIANT).read_text()
    repository.commit("fast", **{"suites__small.yaml": TEXT, "kernels__int4_mm__torch_blocked.py": fast})
    repository.commit("slow", **{"kernels__int4_mm__torch_blocked.py": fast.replace("    return out", SLOWER)})
    return repository


def git_init(root: Path) -> None:
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "somebody")
    git(root, "config", "user.email", "somebody@example.com")
