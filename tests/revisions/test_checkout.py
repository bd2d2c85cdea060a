"""Revisions and the working tree are checked out beside it, kept, and survive whatever interrupts them."""

from __future__ import annotations

import os
import signal
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


def is_running(pid: str) -> bool:
    """Not one that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


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


def test_weights_beside_the_code_are_left_out_and_named(repository: Path) -> None:
    """A snapshot would copy them into the repository's objects and into a checkout, anew at each change."""
    (repository / "small.py").write_text("x = 1\n")
    said: list[str] = []
    check_out(".", repository, said.append)
    assert not any("untracked files" in line for line in said)
    with (repository / "weights.bin").open("wb") as file:
        file.truncate(60 * 2**20)
    (repository / "small.py").write_text("x = 2\n")
    before = sum(file.stat().st_size for file in (repository / ".git" / "objects").rglob("*"))
    snapshot = check_out(".", repository, said.append)
    assert "weights.bin: untracked, 60 MiB: not measured on either side; `git add` includes it" in said
    assert snapshot.tree.changed == ("small.py",) and not (snapshot.root / "weights.bin").exists()
    assert sum(file.stat().st_size for file in (repository / ".git" / "objects").rglob("*")) < before + 2**20
    for number in range(4):
        with (repository / f"table{number}.csv").open("wb") as file:
            file.truncate(14 * 2**20)
    check_out(".", repository, said.append)
    assert "56 MiB of untracked files are copied twice: list data files in .gitignore" in said
    (repository / ".gitignore").write_text("*.log\n*.csv\n")
    git(repository, "add", "weights.bin")
    assert (check_out(".", repository, quiet).root / "weights.bin").stat().st_size == 60 * 2**20
    told = len(said)
    check_out(".", repository, said.append)
    assert not any("untracked" in line for line in said[told:])


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


def test_an_edit_in_the_second_of_the_commit_is_seen(repository: Path) -> None:
    """The same size and the same second: git looks into such files by the age of its index, which a copy must keep."""
    file, index = repository / "a.py", repository / ".git" / "index"
    git(repository, "config", "core.trustctime", "false")
    then = (10**18, 10**18)
    os.utime(file, ns=then)
    git(repository, "update-index", "--refresh")
    file.write_text("number = 3\n")
    os.utime(file, ns=then)
    os.utime(index, ns=then)
    assert check_out(".", repository, quiet).tree.changed == ("a.py",)


@pytest.mark.parametrize("mark", ["assume-unchanged", "skip-worktree"])
def test_files_that_git_was_told_not_to_look_at_are_looked_at(repository: Path, mark: str) -> None:
    """They are what will run. The mark itself stays, and a file that a sparse checkout left out is not deleted."""
    git(repository, "update-index", f"--{mark}", "a.py")
    (repository / "a.py").write_text("number = 3\n")
    assert git(repository, "status", "--porcelain") == "", "git sees no change"
    snapshot = check_out(".", repository, quiet)
    assert snapshot.tree.changed == ("a.py",) and (snapshot.root / "a.py").read_text() == "number = 3\n"
    assert git(repository, "status", "--porcelain") == ""
    git(repository, "update-index", "--skip-worktree", ".gitignore")
    (repository / ".gitignore").unlink()
    assert check_out(".", repository, quiet).tree.changed == ("a.py",)


@pytest.mark.parametrize("mark", ["assume-unchanged", "skip-worktree"])
def test_an_edit_of_equal_length_is_seen_in_a_marked_file(repository: Path, mark: str) -> None:
    """Also where git wrote its index a second later, as `git status` may: the index then takes the edit for old."""
    file, index = repository / "a.py", repository / ".git" / "index"
    git(repository, "config", "core.trustctime", "false")
    then = (10**18, 10**18)
    os.utime(file, ns=then)
    git(repository, "update-index", "--refresh")
    git(repository, "update-index", f"--{mark}", "a.py")
    file.write_text("number = 3\n")
    os.utime(file, ns=then)
    os.utime(index, ns=(10**18 + 10**9, 10**18 + 10**9))
    assert check_out(".", repository, quiet).tree.changed == ("a.py",)


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


def test_hooks_do_not_run_and_what_git_refuses_is_said(repository: Path, tmp_path: Path) -> None:
    """A hook that fails after each checkout; a repository inside that has no commit; one without any."""
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho changed >> a.py\nexit 3\n")
    hook.chmod(0o755)
    assert (check_out("first", repository, quiet).root / "a.py").read_text() == "number = 1\n"
    git(repository, "init", "--quiet", str(repository / "inside"))
    with pytest.raises(HarnessError, match="git add: error: 'inside/' does not have a commit checked out"):
        check_out(".", repository, quiet)
    git(tmp_path, "init", "--quiet", str(tmp_path / "unborn"))
    with pytest.raises(HarnessError, match=r"^HEAD: neither .* nor a revision of .*unborn"):
        check_out(".", tmp_path / "unborn", quiet)


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
    command = "touch begun.log; while [ ! -e waited.log ]; do sleep 0.05; done"
    slow = threading.Thread(target=set_up, args=(side, command, sys.executable, quiet))
    slow.start()
    while not (side.root / "begun.log").exists():
        time.sleep(0.05)

    def hear(words: str) -> None:
        said.append(words)
        (side.root / "waited.log").touch()

    made.append(check_out("first", repository, hear))
    slow.join()
    assert made[0].root == side.root and said == [f"wait for another comparison that makes {side.root.name}"]


def test_submodules_are_part_of_a_tree(repository: Path, tmp_path: Path) -> None:
    """At the commit that each revision names, and with what is not committed inside of them; nothing is fetched."""
    inner = tmp_path / "inner"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(inner))
    for key, value in (("name", "somebody"), ("email", "somebody@example.com")):
        git(inner, "config", f"user.{key}", value)
    (inner / "b.py").write_text("b = 1\n")
    git(inner, "add", "--all")
    git(inner, "commit", "--quiet", "-m", "b is 1")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "deep er/übrig")
    git(repository, "commit", "--quiet", "-m", "with a submodule")
    sub = repository / "deep er" / "übrig"
    (sub / "b.py").write_text("b = 2\n")
    (sub / "new.py").write_text("new = 1\n")
    before = git(repository, "status", "--porcelain"), git(sub, "status", "--porcelain")

    clean, dirty = check_out("HEAD", repository, quiet), check_out(".", repository, quiet)
    assert (clean.root / "deep er/übrig/b.py").read_text() == "b = 1\n"
    assert (dirty.root / "deep er/übrig/b.py").read_text() == "b = 2\n"
    assert (dirty.root / "deep er/übrig/new.py").exists() and "+b = 2" in dirty.diff
    assert dirty.tree.changed == ("deep er/übrig",)
    assert (git(repository, "status", "--porcelain"), git(sub, "status", "--porcelain")) == before
    assert check_out(".", repository, quiet).root == dirty.root
    (dirty.root / "deep er/übrig/b.py").write_text("b = 3\n")
    with pytest.raises(HarnessError, match="this checkout was edited"):
        check_out(".", repository, quiet)

    git(repository, "submodule", "--quiet", "deinit", "--force", str(sub))
    said: list[str] = []
    check_out("HEAD", repository, said.append, copy=1)
    assert any(line.startswith("submodule deep er/übrig: ") and "stays empty" in line for line in said)


def test_a_setup_that_hangs_asks_or_prints_a_lot(repository: Path) -> None:
    """Nobody answers it; what it prints can be read meanwhile; what it started ends with it, also when interrupted."""
    side = check_out("first", repository, quiet)
    log = side.root.with_suffix(".setup.log")
    with pytest.raises(CaseFailed, match="ended with status 4: asked"):
        set_up(side, "read answer; echo asked $answer; exit 4", sys.executable, quiet)
    with pytest.raises(CaseFailed) as failed:
        set_up(side, "head -c 3000000 /dev/zero | tr '\\0' x; exit 4", sys.executable, quiet)
    assert len(str(failed.value)) < 1500 and log.stat().st_size == 3_000_000
    set_up(side, "sleep 10000 & echo $! > left.log", sys.executable, quiet)  # and returns before that has ended
    code = (
        "import sys; from pathlib import Path; from harness.revisions import check_out; "
        "from harness.revisions.checkout import set_up; side = check_out('first', Path(sys.argv[1]), print); "
        "set_up(side, 'echo changed >> a.py; sleep 999 & echo $! > left2.log; echo waits; wait', sys.executable, print)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(repository)], stderr=subprocess.DEVNULL)
    while "waits" not in log.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    for name in ("left.log", "left2.log"):
        while is_running((side.root / name).read_text().strip()):
            time.sleep(0.05)
    assert check_out("first", repository, quiet).root == side.root, "what it changed is not somebody's edit"
