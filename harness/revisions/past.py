"""Checkouts of working trees of the past: nobody asks for them again, and each is as large as the repository.

A process holds what it measures by a lock that the system takes back with its end, so that nothing is removed that
another comparison reads.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import IO

from harness.revisions.git import git

KEPT = 2
"""Of the newest, beside those in use: to go back and forth between two states of the tree costs nothing."""
MARK = ".snapshot"
USED = ".used"
BESIDE = (".ready", ".setup.log", MARK, USED)
"""What lies beside a checkout under its name, but for the lock under which it is made: somebody may wait for that."""

_held: list[IO[str]] = []


def hold(folder: Path, is_snapshot: bool) -> None:
    """Keeps a checkout from being removed for as long as this process lives. is_snapshot: of a working tree."""
    file = folder.with_suffix(USED).open("w")
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)
    if is_snapshot:
        folder.with_suffix(MARK).touch()


def remove_past(repository: Path, worktrees: Path) -> list[str]:
    """Removes all checkouts of working trees but the newest and those in use; their names."""
    marks = sorted(worktrees.glob(f"*{MARK}"), key=lambda mark: -mark.stat().st_mtime_ns)
    removed = [mark.stem for mark in marks[KEPT:] if _remove(mark.with_suffix(""))]
    if removed:
        git(repository, "worktree", "prune")
    return removed


def _remove(folder: Path) -> bool:
    """False where somebody uses it."""
    with folder.with_suffix(".lock").open("w") as making, folder.with_suffix(USED).open("w") as using:
        try:
            for file in (making, using):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        folder.with_suffix(".ready").unlink(missing_ok=True)  # from here on it is no checkout any more
        shutil.rmtree(folder, ignore_errors=True)
        for beside in BESIDE:
            folder.with_suffix(beside).unlink(missing_ok=True)
    return True
