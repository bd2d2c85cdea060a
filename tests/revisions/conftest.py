from __future__ import annotations

from pathlib import Path

import pytest

from harness.revisions.git import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits, `first` and `main`; ignores *.log."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "somebody")
    git(root, "config", "user.email", "somebody@example.com")
    for number in (1, 2):
        (root / "a.py").write_text(f"number = {number}\n")
        (root / ".gitignore").write_text("*.log\n")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "-m", f"number {number}")
        if number == 1:
            git(root, "tag", "first")
    return root
