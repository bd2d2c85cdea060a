"""Locations of ops outside of the library: named by a suite, in `ops/` beside it, in installed packages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.suite.dotted import dotted_file
from harness.suite.nodes import Node
from harness.suite.own_op import INPUTS, REFERENCE, RUN, Function, functions_of, is_op_file
from harness.values.suite import OpSource

GROUP = "kernel_harness.ops"
"""Group of entry points: the name of an op, and its module or package."""
FOLDER, KERNELS, CONTRACT = "ops", "kernels", "contract.py"
SPEC, DEFINITION = "spec.py", "reference.py"

Sources = dict[str, OpSource]


def find_ops(suite_folder: Path, root: Path, library: Mapping[str, Path], named: Node | None = None) -> Sources:
    """Every op outside of the library that a suite in this folder can name. root: the library. library: the folder of
    each of its ops. named: the suite's `ops:`. Raises HarnessError for a name that means two ops."""
    found: Sources = {}
    for name, node in named.items() if named is not None else ():
        try:
            found[name] = _named(node, suite_folder)
        except HarnessError as error:
            raise node.error(str(error)) from error
        if name in library:
            raise _clash(name, found[name], library[name], named)
    for name, source in (*_beside(suite_folder / FOLDER), *_kernels_above(suite_folder, root), *installed_ops()):
        if name in library and Path(source.folder or source.reference) != library[name]:
            raise _clash(name, source, library[name])
        other = found.setdefault(name, source)
        if _lies(other) != _lies(source):
            raise _clash(name, other, _lies(source)[0])
    return found


def source_of(path: Path, origin: str) -> OpSource:
    """The op in a file or folder. Raises HarnessError where there is none."""
    if path.is_file() and path.suffix == ".py":
        missing = [name for name in (REFERENCE, INPUTS) if name not in functions_of(path)]
        if missing:
            raise HarnessError(f"{path}: an op needs a function {' and a function '.join(missing)}; see docs/own-op.md")
        return OpSource(origin, f"{path}:{REFERENCE}", f"{path}:{INPUTS}")
    if (path / SPEC).is_file():
        return OpSource(origin, folder=str(path))
    if (path / DEFINITION).is_file():
        file = path / DEFINITION
        there = functions_of(file)
        definition = REFERENCE if REFERENCE in there else RUN
        return OpSource(origin, f"{file}:{definition}", f"{file}:{INPUTS}", str(path))
    if path.is_dir():
        raise HarnessError(f"{path}: an op's folder needs a {DEFINITION} or a {SPEC}")
    raise HarnessError(f"{path}: no such file or folder")


def function_at(source: str, suite_folder: Path) -> Function:
    """Resolve `file.py:name` or `package.module:name` to the function's file. Raises HarnessError where there is
    none."""
    where, colon, name = source.rpartition(":")
    if not colon or not name.isidentifier():
        raise HarnessError(f"{source}: wanted file.py:function or module:function")
    file = (suite_folder / where).resolve() if where.endswith(".py") else dotted_file(where, suite_folder)
    if file is None or not file.is_file():
        raise HarnessError(f"{source}: there is no {'file' if where.endswith('.py') else 'module'} {where}")
    return Function(file, name, source)


def _named(node: Node, suite_folder: Path) -> OpSource:
    origin = f"{node.file}:{node.line}"
    if isinstance(node.value, str):
        if "/" in node.value or node.value.endswith(".py"):
            return source_of((suite_folder / node.value).resolve(), origin)
        return _module(node.value, suite_folder, origin)
    given = dict(node.items())
    for key, child in given.items():
        if key not in (REFERENCE, INPUTS) or not isinstance(child.value, str):
            raise HarnessError(f"{key}: unknown; {allowed(key, (REFERENCE, INPUTS))}, each file.py:function")
    for key in (REFERENCE, INPUTS):
        if key not in given:
            raise HarnessError(f"key {key} is missing ({key}: file.py:function or module:function)")
    places = [function_at(given[key].value, suite_folder) for key in (REFERENCE, INPUTS)]
    reference, inputs = (f"{p.file}:{p.name}" if ".py:" in p.source else p.source for p in places)
    return OpSource(origin, reference, inputs)


def _module(dotted: str, suite_folder: Path, origin: str) -> OpSource:
    file = dotted_file(dotted, suite_folder)
    if file is None:
        raise HarnessError(f"there is no module {dotted}, nor a file ./{dotted}.py")
    if file.name == "__init__.py" and not is_op_file(file):
        return source_of(file.parent, origin)
    source_of(file, origin)
    return OpSource(origin, f"{dotted}:{REFERENCE}", f"{dotted}:{INPUTS}")


def _beside(folder: Path) -> Iterator[tuple[str, OpSource]]:
    """The ops in a folder of ops: files that define one, folders with a reference or a spec."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(("_", ".")):
            continue
        if path.suffix == ".py" and path.is_file() and is_op_file(path):
            yield path.stem, source_of(path.resolve(), str(path))
        elif (path / SPEC).is_file() or INPUTS in functions_of(path / DEFINITION, strict=False):
            yield path.name, source_of(path.resolve(), str(path))


def _kernels_above(suite_folder: Path, root: Path) -> Iterator[tuple[str, OpSource]]:
    """The ops in a folder `kernels/` beside the suite or above it, up to the repository's root, unless it is the
    library: it extends the library's ops."""
    above = kernels_root.folder_above(suite_folder)
    if above is not None and above.resolve() != root.resolve():
        yield from _beside(above)


@cache
def installed_ops() -> tuple[tuple[str, OpSource], ...]:
    """The ops of installed packages. One that cannot be found is left out: its package may be half removed."""
    found = []
    for entry in importlib.metadata.entry_points(group=GROUP):
        origin = f"the package {entry.dist.name}" if entry.dist else f"the entry point {entry.value}"
        try:
            found.append((entry.name, _module(entry.module, Path.cwd(), origin)))
        except HarnessError:
            continue
    return tuple(found)


def _lies(source: OpSource) -> tuple[str, str]:
    return source.folder or source.reference, source.inputs


def _clash(name: str, source: OpSource, other: str | Path, node: Node | None = None) -> HarnessError:
    what = f"op {name} is defined twice: by {source.origin} and in {other}; one of them needs another name"
    copied = Path(source.folder).parent
    if source.folder and copied.name == KERNELS and (copied / CONTRACT).is_file():
        what += f" (or an empty file {copied / 'LIBRARY'}: then that folder stands in the library's place)"
    return node.key_error(name, what) if node is not None else HarnessError(what)
