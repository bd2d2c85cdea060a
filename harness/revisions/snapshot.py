"""The current working tree as a commit on no branch: untracked files included, ignored ones not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from harness.revisions.git import commit_of, git, submodules

OWN_FOLDER = ".harness"
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "harness"), ("EMAIL", "harness@localhost"), ("DATE", "2000-01-01T00:00:00Z"))
}
"""Always the same, so that the same files are the same commit, whose checkout is used again."""


LARGE_BYTES = 16 * 2**20
"""From this size on an untracked file is data, not code: it stays out of the snapshot, and so out of the repository's
objects and of every checkout. `git add` includes it."""
MANY_BYTES = 50 * 2**20
"""Limit of the smaller untracked files together, which are copied."""


class Snapshot(NamedTuple):
    """A commit of the working tree."""

    commit: str
    """HEAD itself where nothing differs."""
    head: str
    changed: tuple[str, ...]
    """Files that differ."""
    diff: str


def take(repository: Path, scratch: Path) -> Snapshot:
    """Write blobs, a tree and a commit into the repository's objects. Neither the index nor any branch is touched.
    Large untracked files are left out."""
    head = commit_of(repository, "HEAD")
    index = scratch / f"snapshot-{os.getpid()}-{head}.index"
    try:
        current = repository / git(repository, "rev-parse", "--git-path", "index")
        if current.is_file():
            shutil.copy2(current, index)  # with its age, by which git knows what it must look into
        env = {"GIT_INDEX_FILE": str(index)}
        _unmark(repository, env)
        large = [name for name, size in untracked_files(repository) if size >= LARGE_BYTES]
        without = [f":(exclude,glob)**/{OWN_FOLDER}/**", *(f":(exclude,literal){name}" for name in large)]
        git(repository, "add", "--all", "--", ".", *without, env=env)
        for path, commit in submodules(repository, env):
            if (repository / path / ".git").exists():
                inside = take(repository / path, scratch).commit
                if inside != commit:
                    git(repository, "update-index", "--cacheinfo", f"160000,{inside},{path}", env=env)
        tree = git(repository, "write-tree", env=env)
    finally:
        index.unlink(missing_ok=True)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    if tree == git(repository, "rev-parse", "HEAD^{tree}"):
        return Snapshot(head, head, (), "")
    commit = git(repository, "commit-tree", tree, "-p", head, "-m", "The working tree as it was measured", env=AUTHOR)
    changed = git(repository, "diff", "--name-only", "-z", head, commit).split("\0")
    diff = git(repository, "diff", "--no-color", "--no-ext-diff", "--submodule=diff", head, commit)
    return Snapshot(commit, head, tuple(name for name in changed if name), diff)


def untracked_files(repository: Path) -> list[tuple[str, int]]:
    """The files that git does not ignore, with their bytes, largest first."""
    names = git(repository, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    sizes = ((name, (repository / name).lstat().st_size) for name in names if name and (repository / name).is_file())
    return sorted(sizes, key=lambda entry: (-entry[1], entry[0]))


def remarks(repository: Path) -> list[str]:
    """Remarks on the untracked files of a working tree that is to be measured."""
    found = untracked_files(repository)
    said = [
        f"{name}: untracked, {size / 2**20:,.0f} MiB: not measured on either side; `git add` includes it"
        for name, size in found
        if size >= LARGE_BYTES
    ]
    rest = sum(size for _, size in found if size < LARGE_BYTES)
    if rest >= MANY_BYTES:
        said.append(f"{rest / 2**20:,.0f} MiB of untracked files are copied twice: list data files in .gitignore")
    return said


def _unmark(repository: Path, env: dict[str, str]) -> None:
    """Make git read files that it was told to take for unchanged (`assume-unchanged`, `skip-worktree`), where they
    exist. env: names the index to change.

    Their entries are written again without size and time, which may describe the file as it is now. Since git
    never compares such a file, a command that writes the index a second after an edit makes the entry look current.
    """
    entries = [entry.partition("\t") for entry in git(repository, "ls-files", "-s", "-v", "-z", env=env).split("\0")]
    anew: list[str] = []
    for fields, _, path in entries:
        if (fields[:1] == "S" or fields[:1].islower()) and os.path.lexists(repository / path):
            _, mode, blob, _ = fields.split()
            anew += ["--cacheinfo", f"{mode},{blob},{path}"]
    if anew:
        git(repository, "update-index", *anew, env=env)
