"""Checkouts of working trees of the past go, those that somebody holds stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.revisions import check_out, past
from harness.revisions.git import git
from tests.conftest import REPOSITORY


def quiet(_: str) -> None:
    pass


def test_working_trees_of_the_past_are_removed(repository: Path) -> None:
    """But for the newest two and those that somebody holds; commits stay."""
    first = check_out("first", repository, quiet)
    made = []
    for number in range(6):
        (repository / "a.py").write_text(f"number = {number + 10}\n")
        made.append(check_out(".", repository, quiet).root)
        if number == 1:
            holder = subprocess.Popen(
                [sys.executable, "-c", HOLD, str(made[1])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )  # fmt: skip
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        past._held.clear()  # as when the process that measured has ended
    assert [root.exists() for root in made] == [False, True, False, False, True, True] and first.root.exists()
    assert not made[0].with_suffix(".ready").exists()
    holder.communicate()
    (repository / "a.py").write_text("number = 0\n")
    check_out(".", repository, quiet)
    assert [root.exists() for root in made] == [False, False, False, False, False, True]
    listed = git(repository, "worktree", "list")
    assert str(made[0]) not in listed and str(made[5]) in listed
    (repository / "a.py").write_text("number = 10\n")
    assert check_out(".", repository, quiet).root == made[0] and made[0].exists()


HOLD = """
import sys
from pathlib import Path
from harness.revisions import past
past.hold(Path(sys.argv[1]), True)
print("held", flush=True)
sys.stdin.read()
"""
