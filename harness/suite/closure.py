"""The source text that a variant is made of: its file and all that it imports of the user's own, without torch."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.suite.catalogue import variant_file, variants


def source_files(op: str, variant: str, suite_folder: str | Path) -> tuple[Path, ...]:
    """The variant's file first, then every file that it imports from the folder of kernels, from its own folder or from
    its own package, directly or not. Installed packages (torch, triton) are not among them."""
    first = variant_file(op, variant, suite_folder)
    if first is None:
        raise HarnessError(f"{op}: unknown variant {variant}; {allowed(variant, variants(op))}")
    root = kernels_root.bound_root() or kernels_root.installed()
    found: dict[Path, None] = {}
    waiting = [first.resolve()]
    while waiting:
        file = waiting.pop(0)
        if file in found:
            continue
        found[file] = None
        waiting += _imported(file, root.resolve(), Path(suite_folder).resolve())
    return tuple(found)


def source_hash(op: str, variant: str, suite_folder: str | Path) -> str:
    """sha256 of the names and texts of `source_files`: another one where anything that the variant's code is made of
    differs, wherever the folder lies."""
    digest = hashlib.sha256()
    for file in source_files(op, variant, suite_folder):
        digest.update(f"{file.parent.name}/{file.name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _imported(file: Path, root: Path, suite_folder: Path) -> list[Path]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):  # said elsewhere, where the file is imported
        return []
    places = list(dict.fromkeys(_places(tree, file, root, suite_folder)))
    return [place.resolve() for place in places if place.is_file()]


def _places(tree: ast.AST, file: Path, root: Path, suite_folder: Path) -> Iterator[Path]:
    """Where an imported module would lie, and each imported name, which may be a module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _absolute(alias.name, file, root, suite_folder)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = node.module or ""
            if node.level:
                base = (
                    file.parents[node.level - 1].joinpath(*module.split("."))
                    if module
                    else file.parents[node.level - 1]
                )
                yield from _files(base)
                for name in names:
                    yield from _files(base / name)
            else:
                for name in ("", *names):
                    yield from _absolute(f"{module}.{name}".rstrip("."), file, root, suite_folder)


def _absolute(name: str, file: Path, root: Path, suite_folder: Path) -> Iterator[Path]:
    first, *rest = name.split(".")
    if first == kernels_root.NAME:
        yield from _files(root.joinpath(*rest))
    elif not file.is_relative_to(root):
        for folder in (file.parent, suite_folder):
            yield from _files(folder.joinpath(first, *rest))


def _files(base: Path) -> tuple[Path, Path]:
    return base.with_name(f"{base.name}.py"), base / "__init__.py"
