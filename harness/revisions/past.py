"""Checkouts of past working trees: they are never needed again, and each is as large as the repository.

A process holds its checkouts by a lock that the system releases at its end, so that no checkout is removed while
another comparison reads it.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import IO

from harness.revisions.git import git

KEPT = 2
"""Newest checkouts to keep, beside those in use: switching back and forth between two states of the tree costs
nothing."""
MARK = ".snapshot"
USED = ".used"
BESIDE = (".ready", ".setup.log", MARK, USED)
"""Files beside a checkout under its name, except for the lock under which it is made: another process may wait for
that."""

_held: list[IO[str]] = []


def hold(folder: Path, is_snapshot: bool) -> None:
    """Keep a checkout from being removed for as long as this process lives. is_snapshot: of a working tree."""
    file = folder.with_suffix(USED).open("w")
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)
    if is_snapshot:
        folder.with_suffix(MARK).touch()


def remove_past(repository: Path, worktrees: Path) -> list[str]:
    """Remove all checkouts of working trees but the newest and those in use; return their names."""
    marks = sorted(worktrees.glob(f"*{MARK}"), key=lambda mark: -mark.stat().st_mtime_ns)
    removed = [mark.stem for mark in marks[KEPT:] if _remove(mark.with_suffix(""))]
    if removed:
        git(repository, "worktree", "prune")
    return removed


def _remove(folder: Path) -> bool:
    """Remove a checkout. Return False where it is in use."""
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
