"""The source text of a variant: its file and all that it imports of the user's own, without torch."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from harness import kernels_root


def closure_hash(file: Path, root: Path | None = None) -> str:
    """sha256 of a variant's text, and of the names and texts of all other `source_files`. It changes with any part of
    the variant's code, and is independent of the folder's location. A variant that imports nothing of its own has the
    hash of its file."""
    first, *others = source_files(file, root)
    own = first.read_bytes()
    if not others:
        return hashlib.sha256(own).hexdigest()
    named = sorted((f"{other.parent.name}/{other.name}".encode(), other.read_bytes()) for other in others)
    return hashlib.sha256(b"\0".join([own, *(b"\n".join(pair) for pair in named)])).hexdigest()


def source_files(file: Path, root: Path | None = None) -> tuple[Path, ...]:
    """A variant's file, then every file that it imports, directly or not, with the `__init__.py` of their packages.
    Searched are the folder of kernels, its own package and the folders above it in its repository. Installed packages
    (torch, triton) are not included. Dependencies that no import shows are seen by `harness.observe`. root: the folder
    of kernels, None for the one that this process runs."""
    root = root or kernels_root.in_use()
    found: dict[Path, None] = {}
    waiting = [file.resolve()]
    while waiting:
        file = waiting.pop(0)
        if file not in found:
            found[file] = None
            waiting += dict.fromkeys(place.resolve() for place in _imported(file, root) if place.is_file())
            waiting += (package.resolve() for package in _packages(file))
    return tuple(found)


def imports_relatively(file: Path) -> bool:
    """Whether a file has an import like `from .helper import`."""
    return any(named.level for named in _imports(_text(file)))


class _Import(NamedTuple):
    """A module, or a name that may be one."""

    dotted: str
    level: int = 0
    """Dots before it."""


@lru_cache(maxsize=512)
def _imports(text: str) -> tuple[_Import, ...]:
    """All imports of a source text; none where it is not Python: the importer reports the error."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return ()
    found: list[_Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += (_Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for name in ("", *(alias.name for alias in node.names)):
                found.append(_Import(".".join(filter(None, (node.module, name))), node.level))
    return tuple(found)


def _text(file: Path) -> str:
    """The text of a file; empty where it is no text."""
    try:
        return file.read_text(encoding="utf-8")
    except ValueError:
        return ""


def _imported(file: Path, root: Path) -> Iterator[Path]:
    """The possible file of each imported module, and of each imported name, which may itself be a module."""
    for named in _imports(_text(file)):
        if not named.level:
            yield from _absolute(named.dotted, file, root)
        elif named.dotted:
            yield from _files(file.parents[named.level - 1].joinpath(*named.dotted.split(".")))


def _absolute(name: str, file: Path, root: Path) -> Iterator[Path]:
    first, *rest = name.split(".")
    if first == kernels_root.NAME:
        yield from _files(root.joinpath(*rest))
        return
    for folder in _searched(file.parent):
        if (folder / first).is_dir() or (folder / f"{first}.py").is_file():
            yield from _files(folder.joinpath(first, *rest))


@cache
def _searched(folder: Path) -> tuple[Path, ...]:
    """The folder and those above it, up to the root of its repository; without one, its own and the next."""
    above = (folder, *folder.parents)
    roots = (number for number, place in enumerate(above, 1) if (place / ".git").exists())
    return above[: next(roots, 2)]


def _packages(file: Path) -> Iterator[Path]:
    """The `__init__.py` of every package around a file."""
    for folder in file.parents:
        if not (folder / "__init__.py").is_file():
            return
        yield folder / "__init__.py"


def _files(base: Path) -> tuple[Path, Path]:
    return base.with_name(f"{base.name}.py"), base / "__init__.py"
