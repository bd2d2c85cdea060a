"""Files of variants and ops to modules, each under its own name. Their errors become one line with its place."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from harness import kernels_root
from harness.errors import HarnessError
from harness.suite.catalogue import bound_kernels, load_spec
from harness.suite.closure import imports_relatively


class VariantNotLoaded(HarnessError, ImportError):
    """A variant whose module cannot be imported here. The line names the file and the line that failed."""


def not_loaded(path: Path, error: BaseException) -> VariantNotLoaded:
    return VariantNotLoaded(f"{path}:{_line_of(error, path)}: {type(error).__name__}: {_first_line(error)}")


def import_file(op: str, path: Path, source_hash: str) -> ModuleType:
    """The module of a file under its own name, so that neither an installed module nor the file's former text is taken
    for it.

    The name is below the op's, so that a copy of one of its variants still finds its imports from there. The files
    beside it are found, too, whatever the working directory, after all installed modules.
    """
    load_spec(op)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    if (path.parent / "__init__.py").is_file() and imports_relatively(path):
        return _import_in_package(path, source_hash)
    package, library = f"{kernels_root.NAME}.{op}", bound_kernels()
    if op in library.sources:
        folder = library.folder(op)
        package = kernels_root.op_package(op, folder.parent if folder.is_file() else folder)
    module_name = f"{package}.from_file_{path.stem}_{source_hash[:12]}"
    if module_name in sys.modules and sys.modules[module_name].__file__ == str(path):
        return sys.modules[module_name]
    return run_file(module_name, path)


def run_file(name: str, path: Path) -> ModuleType:
    """Import a file under a name; with an error of the file the name is free again."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: Triton looks a kernel's module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_in_package(path: Path, source_hash: str) -> ModuleType:
    """The module of a file in a package, which imports its neighbours by `from .helper import`. It has its dotted name,
    and is imported anew if its text has changed."""
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    name = ".".join(names)
    there = sys.modules.get(name)
    if there is not None and getattr(there, "_source_hash", source_hash) != source_hash:
        del sys.modules[name]
    module = importlib.import_module(name)
    module._source_hash = source_hash  # type: ignore[attr-defined]
    return module


def _line_of(error: BaseException, path: Path) -> int:
    """The line of the file at which an import failed."""
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if frames and frames[-1] is not None:
        return frames[-1]
    return (error.lineno or 1) if isinstance(error, SyntaxError) else 1


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
