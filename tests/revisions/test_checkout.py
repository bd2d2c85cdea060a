"""Revisions and the working tree are checked out beside it, kept, and survive whatever interrupts them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.errors import CaseFailed, HarnessError
from harness.revisions import Checkout, check_out, repository_of
from harness.revisions.checkout import set_up
from harness.revisions.git import git


def quiet(_: str) -> None:
    pass


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


def test_a_revision_is_checked_out_once_and_kept(repository: Path) -> None:
    said: list[str] = []
    first = check_out("first", repository, said.append)
    assert (first.root / "a.py").read_text() == "number = 1\n" and first.tree.commit == git(
        repository, "rev-parse", "first"
    )
    again = check_out("main~1", repository, said.append)
    assert again.root == first.root and said == ["check out first"]
    assert check_out("first", repository, quiet, copy=1).root != first.root
    assert git(repository, "status", "--porcelain") == ""
    assert repository_of(first.root / ".") == first.root


def test_the_working_tree_is_taken_as_it_is(repository: Path) -> None:
    """Changed and untracked files, not ignored ones; index and branch stay as they were."""
    head = check_out(".", repository, quiet)
    assert head.tree.changed == () and head.tree.commit == git(repository, "rev-parse", "HEAD")
    (repository / "a.py").write_text("number = 3\n")
    (repository / "new.py").write_text("new = 1\n")
    (repository / "noise.log").write_text("noise\n")
    (repository / "below" / ".harness").mkdir(parents=True)
    (repository / "below" / ".harness" / "runs.sqlite").write_text("not code\n")
    before = git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD")
    snapshot = check_out(".", repository, quiet)
    assert snapshot.tree.changed == ("a.py", "new.py") and "+number = 3" in snapshot.diff
    assert snapshot.tree.words == f". = {before[1][:7]} + 2 uncommitted files (a.py, new.py)"
    assert sorted(p.name for p in snapshot.root.iterdir()) == [".git", ".gitignore", "a.py", "new.py"]
    assert (git(repository, "status", "--porcelain"), git(repository, "rev-parse", "HEAD")) == before
    assert check_out(".", repository, quiet).root == snapshot.root
    (repository / "new.py").write_text("new = 2\n")
    assert check_out(".", repository, quiet).root != snapshot.root


def test_what_does_not_exist_is_one_line(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(
        HarnessError, match=r"^firts: neither .*; branches and tags: main, first; did you mean first\?$"
    ):
        check_out("firts", repository, quiet)
    with pytest.raises(HarnessError, match="neither a stored run nor a revision"):
        check_out("--help", repository, quiet)
    outside = tmp_path / "outside"
    outside.mkdir()
    assert repository_of(outside) is None


def test_an_interrupted_checkout_is_made_anew(repository: Path) -> None:
    """Killed before its stamp, its folder lost, or locked by a git that was killed."""
    kept = check_out("first", repository, quiet).root
    for damage in ("stamp", "folder", "locked"):
        kept.with_suffix(".ready").unlink()
        if damage == "folder":
            subprocess.run(["rm", "-rf", str(kept)], check=True)
        elif damage == "locked":
            git(repository, "worktree", "lock", "--reason", "initializing", str(kept))
            (kept / "a.py").write_text("half")
        assert (check_out("first", repository, quiet).root / "a.py").read_text() == "number = 1\n"
        assert "locked" not in git(repository, "worktree", "list", "--porcelain")


def test_a_checkout_that_somebody_edited_is_not_measured(repository: Path) -> None:
    kept = check_out("first", repository, quiet).root
    (kept / "a.py").write_text("number = 7\n")
    with pytest.raises(HarnessError, match="this checkout was edited"):
        check_out("first", repository, quiet)
    assert (kept / "a.py").read_text() == "number = 7\n"


def test_a_setup_runs_once_in_its_tree(repository: Path) -> None:
    """It may change tracked files; another command or interpreter runs it again."""
    side = check_out("first", repository, quiet)
    command = "echo run >> a.py; echo run >> count.log"
    for _ in range(2):
        set_up(side, command, sys.executable, quiet)
    assert (side.root / "count.log").read_text() == "run\n"
    assert check_out("first", repository, quiet).root == side.root
    set_up(side, command + " ", sys.executable, quiet)
    assert (side.root / "count.log").read_text() == "run\nrun\n"


def test_a_failing_setup_is_said_with_its_last_line_and_tried_again(repository: Path) -> None:
    side = check_out("first", repository, quiet)
    for _ in range(2):
        with pytest.raises(CaseFailed, match="ended with status 3: no compiler here"):
            set_up(side, "echo no compiler here; exit 3", sys.executable, quiet)
    set_up(side, "true", sys.executable, quiet)


def test_two_at_once_make_one_checkout(repository: Path) -> None:
    """The second waits, says so, and finds it done."""
    said: list[str] = []
    made: list[Checkout] = []
    side = check_out("first", repository, quiet)
    slow = threading.Thread(target=set_up, args=(side, "sleep 1", sys.executable, quiet))
    slow.start()
    time.sleep(0.3)
    made.append(check_out("first", repository, said.append))
    slow.join()
    assert made[0].root == side.root and said == [f"wait for another comparison that makes {side.root.name}"]
