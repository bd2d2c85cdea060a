"""Queries to git, by its command line."""

from __future__ import annotations

import difflib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError

SHOWN = 6
"""Branches and tags that an error line names."""


def git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Standard output without its last line end. Raises HarnessError with git's own first error."""
    done = _run(folder, *arguments, env=env)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        errors = [line for line in said if line.startswith(("error: ", "fatal: "))]
        raise HarnessError(f"{folder}: git {arguments[0]}: {(errors or said[-1:])[0]}")
    return done.stdout.rstrip("\n")


def repository_of(folder: Path) -> Path | None:
    """The root of the working tree that holds the folder; None where there is none, or no git."""
    try:
        done = _run(folder, "rev-parse", "--show-toplevel")
    except HarnessError:
        return None
    return Path(done.stdout.rstrip("\n")).resolve() if done.returncode == 0 and done.stdout.strip() else None


def commit_of(repository: Path, revision: str) -> str:
    """The commit that a revision names. Raises HarnessError, listing similar names, where there is none."""
    done = _run(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode == 0:
        return done.stdout.strip()
    names = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    known = names.split()
    near = difflib.get_close_matches(revision, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    some = ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
    raise HarnessError(
        f"{revision}: neither a stored run nor a revision of {repository}; branches and tags: {some or 'none'}{hint}"
    )


def worktrees_of(folder: Path) -> tuple[Path, ...]:
    """The resolved roots of all working trees of the folder's repository, its own among them; none where it is in no
    repository."""
    if repository_of(folder) is None:
        return ()
    lines = git(folder, "worktree", "list", "--porcelain", "-z").split("\0")
    return tuple(Path(line.removeprefix("worktree ")).resolve() for line in lines if line.startswith("worktree "))


def tree_of(repository: Path, commit: str) -> str:
    """The tree object of a commit: equal where all files are."""
    return git(repository, "rev-parse", f"{commit}^{{tree}}")


def has_commit(repository: Path, commit: str) -> bool:
    return _run(repository, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def is_file_of(repository: Path, commit: str, path: str) -> bool:
    """Whether a commit has a file, not a folder, of that path."""
    done = _run(repository, "cat-file", "-t", f"{commit}:{path}")
    return done.returncode == 0 and done.stdout.strip() == "blob"


def has_ancestor(repository: Path, commit: str, older: str) -> bool:
    """Whether a commit is another one or a descendant of it."""
    return _run(repository, "merge-base", "--is-ancestor", older, commit).returncode == 0


def first_parents(repository: Path, revision: str = "HEAD") -> dict[str, int] | None:
    """The position of each commit on the line of first parents that ends at a revision, the oldest 0. None in a
    repository without a commit."""
    if revision == "HEAD" and _run(repository, "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0:
        return None
    found = git(repository, "rev-list", "--first-parent", "--reverse", revision).split()
    return {commit: position for position, commit in enumerate(found)}


def position_of(folder: Path, commit: str) -> int | None:
    """Position of a commit on its line of first parents, the root's 1; None where the folder's repository, or a shallow
    clone, cannot tell."""
    shallow = _run(folder, "rev-parse", "--is-shallow-repository")
    if shallow.returncode != 0 or shallow.stdout.strip() != "false":
        return None
    done = _run(folder, "rev-list", "--count", "--first-parent", "--end-of-options", commit)
    return int(done.stdout) if done.returncode == 0 else None


def submodules(folder: Path, env: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Path and commit of each submodule in the index. env: may name another index."""
    entries = git(folder, "ls-files", "--stage", "-z", env=env).split("\0")
    return [(entry.partition("\t")[2], entry.split()[1]) for entry in entries if entry.startswith("160000 ")]


def _run(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    # as git sets them for its hooks, these would name another repository or index than the folder's
    clean = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    # a hook is for the tree that somebody works in: it may fail, ask, or change what is checked out to be measured
    command = ["git", "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", env={**clean, **(env or {})}, check=False
        )
    except FileNotFoundError as error:
        raise HarnessError("git: not installed; a revision can only be compared with it") from error
