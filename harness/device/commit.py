"""The commit of the repository that a suite lies in."""

from __future__ import annotations

import subprocess
from pathlib import Path

COMMIT_FILE = ".commit"
"""A file beside the suite or above it with the commit, where the tree was copied without its `.git`."""


def commit_of(folder: Path) -> str | None:
    """The commit of the repository that holds `folder`, with `+` where tracked files differ from it.

    Without a repository: the content of a file `.commit` at or above the folder, or None.
    """
    try:
        head = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        if head.returncode == 0:
            status = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"]
            changed = subprocess.run(status, capture_output=True, text=True, check=False).stdout.strip()
            return head.stdout.strip() + ("+" if changed else "")
    except FileNotFoundError:
        pass
    for parent in (folder.resolve(), *folder.resolve().parents):
        file = parent / COMMIT_FILE
        if file.is_file():
            return file.read_text().strip() or None
    return None
