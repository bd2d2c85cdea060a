"""Checkouts of a repository's revisions: git worktrees under `.harness/worktrees`, made once and used again.

A checkout counts once its stamp exists; one that was interrupted before is made again. No lock outlives its process:
the system releases a file lock of a killed process.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.errors import CaseFailed, HarnessError
from harness.revisions.git import commit_of, git, has_commit, submodules, tree_of
from harness.revisions.past import hold, remove_past
from harness.revisions.snapshot import OWN_FOLDER, Snapshot, remarks, take
from harness.revisions.untracked import differences, forget_caches, set_aside, untracked
from harness.secrets import withheld
from harness.values.pairing import Tree

WORKING_TREE = "."
MOST_DIFF_CHARACTERS = 1_000_000
"""A longer difference is not source code, and is not kept."""
MOST_LAST_LINE_BYTES = 500
"""Limit of the last line of a setup's output in an error line."""
SHOWN = 3
"""Files that a line names."""
SHORT = 16
"""Characters of a commit in a folder's name."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Checkout:
    """A tree and its folder."""

    tree: Tree
    root: Path
    diff: str = ""
    """The text by which a snapshot differs from its base commit."""


class _Stamp(msgspec.Struct):
    """The commit and setup of a checkout, and its files when it was made."""

    commit: str
    setup: str
    status: str
    """Status of tracked files afterwards; a setup may have changed some."""
    untracked: dict[str, str] | None = None
    """Hashes of the other files, by path. None in a stamp of an older program: such a checkout is made again."""


def check_out(name: str, repository: Path, say: Say, copy: int = 0) -> Checkout:
    """Check out the tree of a revision, or of `.`, in a folder of its own. copy: another one of the same commit, at
    another path.

    Raises HarnessError for an unknown revision, and for a kept checkout with edited files. Files that were added to a
    kept checkout are moved out of it, and named.
    """
    home = own_folder(repository)
    snapshot = _snapshot(name, repository, home, say)
    folder = home / "worktrees" / (snapshot.commit[:SHORT] + (f"-{copy}" if copy else ""))
    folder.parent.mkdir(exist_ok=True)
    with _alone(folder.with_suffix(".lock"), say):
        stamp = _stamp(folder)
        if stamp is None:
            say(f"check out {name}")
            _make(repository, folder, snapshot.commit, say)
        else:
            _use_again(folder, stamp, snapshot.commit, say)
        hold(folder, is_snapshot=snapshot.commit != snapshot.head)
    remove_past(repository, folder.parent)
    whole = len(snapshot.diff) <= MOST_DIFF_CHARACTERS
    diff = snapshot.diff if whole else f"{len(snapshot.diff)} characters in {len(snapshot.changed)} files: not kept\n"
    tree = Tree(
        name,
        snapshot.commit,
        snapshot.head,
        snapshot.changed,
        hashlib.sha256(diff.encode()).hexdigest() if diff else "",
        str(folder),
    )
    return Checkout(tree, folder, diff)


def _use_again(folder: Path, stamp: _Stamp, commit: str, say: Say) -> None:
    """Check a kept checkout against its stamp."""
    forget_caches(folder)
    added, changed = differences(stamp.untracked or {}, untracked(folder))
    if _status(folder) != stamp.status or git(folder, "rev-parse", "HEAD") != commit or changed:
        built = f" ({', '.join(changed[:SHOWN])} is not as its setup built it)" if changed else ""
        raise HarnessError(
            f"{folder}: this checkout was edited{built}; save your edits, then git worktree remove --force {folder}"
        )
    if added:
        aside = set_aside(folder, added)
        named = ", ".join(added[:SHOWN]) + (", ..." if len(added) > SHOWN else "")
        say(f"{folder.name}: in no commit and not built by its setup: {named}; moved to {aside}")


def same_tree(one: Checkout, other: Checkout) -> bool:
    """Whether two checkouts, as they were made, have the same files. Submodules may be filled in only one of them."""
    if not one.tree.commit or not other.tree.commit or submodules(one.root) or submodules(other.root):
        return False
    return tree_of(one.root, one.tree.commit) == tree_of(other.root, other.tree.commit)


def set_up(checkout: Checkout, command: str, python: str, say: Say) -> None:
    """Run a suite's `compare.setup` in a checkout, once. python: the side's interpreter, first on its PATH.

    Raises CaseFailed with the last line of a failing command's output. The processes that it started end with it.
    """
    folder = checkout.root
    with _alone(folder.with_suffix(".lock"), say):
        stamp = _stamp(folder)
        made_with = f"{python}\n{command}"
        if not command or stamp is None or stamp.setup == made_with:
            return
        log = folder.with_suffix(".setup.log")
        say(f"set up {checkout.tree.name}: {command} (prints to {log})")
        status = None
        try:
            status = _run_setup(command, folder, python, log)
        finally:  # it may have changed tracked files, however it ended
            _write_stamp(
                folder, _Stamp(stamp.commit, made_with if status == 0 else "", _status(folder), untracked(folder))
            )
        if status != 0:
            raise CaseFailed(
                f"{checkout.tree.words}: compare.setup: `{command}` ended with status {status}: "
                f"{_last_line(log)} ({log})"
            )


def _run_setup(command: str, folder: Path, python: str, log: Path) -> int:
    """Run the command and return its exit status. A question of the command gets no answer; it would be in the log."""
    path = f"{Path(python).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, shell=True, cwd=folder, env={**withheld(os.environ), "PATH": path}, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait()
        finally:  # compilers that outlive their make would write into the next one's build
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MOST_LAST_LINE_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return ([line.strip() for line in lines if line.strip()] or ["it printed nothing"])[-1]


def own_folder(repository: Path) -> Path:
    """`.harness` of a repository, which git is told to ignore. Raises HarnessError where it cannot be written."""
    home = repository / OWN_FOLDER
    try:
        home.mkdir(exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise HarnessError(f"{home}: cannot be written: {error.strerror}") from error
    return home


def _snapshot(name: str, repository: Path, home: Path, say: Say) -> Snapshot:
    if name == WORKING_TREE:
        for line in remarks(repository):
            say(line)
        return take(repository, home)
    commit = commit_of(repository, name)
    return Snapshot(commit, commit, (), "")


def _make(repository: Path, folder: Path, commit: str, say: Say) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    # twice: also over the entry of one that was interrupted, which git itself had locked
    git(repository, "worktree", "add", "--force", "--force", "--detach", str(folder), commit)
    _fill_submodules(repository, folder, say)
    _write_stamp(folder, _Stamp(commit, "", _status(folder), untracked(folder)))


def _fill_submodules(repository: Path, folder: Path, say: Say) -> None:
    """Fill each submodule at the commit of the checkout, from the repository's own copy: nothing is fetched."""
    for path, commit in submodules(folder):
        own = repository / path
        if (own / ".git").exists() and has_commit(own, commit):
            git(own, "worktree", "add", "--force", "--force", "--detach", str(folder / path), commit)
            _fill_submodules(own, folder / path, say)
        else:
            say(f"submodule {path}: {own} has no commit {commit[:SHORT]}; its folder stays empty in {folder}")


def _status(folder: Path) -> str:
    return git(folder, "status", "--porcelain", "--untracked-files=no")


def _stamp_file(folder: Path) -> Path:
    return folder.with_suffix(".ready")


def _stamp(folder: Path) -> _Stamp | None:
    """The stamp; None where the checkout does not exist, or was not finished."""
    if not (folder / ".git").exists():
        return None
    try:
        stamp = msgspec.json.decode(_stamp_file(folder).read_bytes(), type=_Stamp)
    except (OSError, msgspec.DecodeError):
        return None
    return stamp if stamp.untracked is not None else None


def _write_stamp(folder: Path, stamp: _Stamp) -> None:
    file = _stamp_file(folder)
    beside = file.with_suffix(".part")
    beside.write_bytes(msgspec.json.encode(stamp))
    beside.replace(file)


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    """Keep other processes from making the same checkout."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"wait for another comparison that makes {lock.stem}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
