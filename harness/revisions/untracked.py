"""The files in a kept checkout that its commit does not have: built there by a setup, or left by anyone."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.revisions.git import git, submodules

CACHES = "__pycache__"


def untracked(folder: Path) -> dict[str, str]:
    """By path, a hash of every file that the commit does not have, ignored ones and those in submodules included.
    Python's caches are left out: they are deleted before a checkout is used again."""
    found: dict[str, str] = {}
    for name in _names(folder):
        path = folder / name
        files = [path] if not path.is_dir() or path.is_symlink() else [p for p in path.rglob("*") if not p.is_dir()]
        found |= {str(file.relative_to(folder)): _hash(file) for file in files if CACHES not in file.parts}
    return found


def forget_caches(folder: Path) -> None:
    """Delete compiled files. Python trusts them by their source's age and length, so a planted one would run."""
    for above, folders, _ in os.walk(folder):
        if CACHES in folders:
            folders.remove(CACHES)
            shutil.rmtree(Path(above, CACHES), ignore_errors=True)


def set_aside(folder: Path, names: Iterable[str]) -> Path:
    """Move files out of a checkout, into a new folder beside it; return that folder."""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.aside-{number}")).exists():
        number += 1
    for name in names:
        target = aside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / name, target)
        for above in (folder / name).parents:  # an empty folder is a package to Python, too
            if above == folder or any(above.iterdir()):
                break
            above.rmdir()
    return aside


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Files that were added since, and those that changed or are gone."""
    return sorted(now.keys() - before.keys()), sorted(name for name in before if now.get(name) != before[name])


def _names(folder: Path) -> list[str]:
    own = [name for name in git(folder, "ls-files", "--others", "-z").split("\0") if name]
    for path, _ in submodules(folder):
        if (folder / path / ".git").exists():
            own += [f"{path}/{name}" for name in _names(folder / path)]
    return own


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    if file.is_symlink():
        return f"link to {os.readlink(file)}"
    if not file.is_file():
        return "no file"
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
