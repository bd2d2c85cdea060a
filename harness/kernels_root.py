"""Folders of kernels as packages: found from a suite, each imported under its own name.

A process runs the kernels of one folder, which it binds to `harness_kernels`, the name by which variants outside of the
folder import from it. Specs and layouts of any other folder can be read beside it, for a plan or a list, under another
name. Since `sys.modules` has one module under one name, `harness_kernels` is replaced in the syntax tree of those files
as they are loaded: there, too, it means the folder that the file lies in.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from harness.errors import HarnessError

NAME = "harness_kernels"
_OTHER = f"{NAME}_of_"
_MARK = "contract.py"
_REPLACES = "LIBRARY"
"""A file in a folder of kernels which states that the folder replaces the library."""
_CHECKOUT = Path("harness", "kernels_root.py")
"""The file that lies beside the kernels of a checkout of this harness, of any revision."""


def find(suite_path: Path) -> Path:
    """The folder of kernels that is the library for a suite. It belongs to the checkout of this harness that holds the
    suite, or lies above the suite and says so (`kernels/LIBRARY`). Else it is the installed one. Any other `kernels/`
    adds to it: see `folder_above`."""
    above = folder_above(suite_path.resolve().parent)
    return above if above is not None and replaces(above) else installed()


def folder_above(folder: Path) -> Path | None:
    """The `kernels/` in a folder or above it, up to the root of its repository. None if there is none."""
    for above in (folder, *folder.parents):
        if (above / "kernels").is_dir():
            return above / "kernels"
        if (above / ".git").exists():
            break
    return None


def replaces(kernels: Path) -> bool:
    """Whether a `kernels/` replaces the library."""
    stated = (kernels / _REPLACES).is_file() or (kernels.parent / _CHECKOUT).is_file()
    return stated and (kernels / _MARK).is_file()


def installed() -> Path:
    """The kernels that came with this harness. Raises HarnessError where there are none."""
    checkout = Path(__file__).resolve().parent.parent / "kernels"
    if (checkout / _MARK).is_file():
        return checkout
    spec = importlib.util.find_spec(NAME)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / _MARK).is_file():
            return Path(location).resolve()
    raise HarnessError(f"no folder of kernels: neither kernels/{_MARK} above the suite nor an installed {NAME}")


def bind(root: Path) -> None:
    """Makes a folder the one whose kernels this process runs, for its life. A second bind of it changes nothing. Raises
    HarnessError for another folder, because modules of the first may be in use already."""
    root, bound = root.resolve(), bound_root()
    if not (root / _MARK).is_file():
        raise HarnessError(f"{root}: not a folder of kernels: it has no {_MARK}")
    if bound is None:
        _add_package(NAME, root)
    elif bound != root:
        raise HarnessError(
            f"{root}: this process runs the kernels of {bound} already; it can read another folder's specs, not run it"
        )


def bound_root() -> Path | None:
    """The folder that `harness_kernels` means in this process. None until one is bound."""
    module = sys.modules.get(NAME)
    return Path(next(iter(module.__path__))).resolve() if module is not None else None


def in_use() -> Path:
    """The bound folder. Until one is bound, the folder that came with this harness."""
    return bound_root() or installed()


def module(name: str, root: Path | None = None) -> ModuleType:
    """A module of a folder by its path in it: `tuned`, `int4_mm.spec`, `models.qwen3_5_moe.layout`.

    root: The folder. None for the one that this process runs.
    """
    if root is None and NAME in sys.modules:  # asked before every sample: to resolve a path takes 0.1 ms and more
        return importlib.import_module(f"{NAME}.{name}")
    return importlib.import_module(f"{package(root or in_use())}.{name}")


def package(root: Path) -> str:
    """The import name of a folder's modules. If no folder is bound, the folder of this harness becomes bound."""
    root = root.resolve()
    if bound_root() is None and root == installed().resolve():
        bind(root)
    if root == bound_root():
        return NAME
    name = f"{_OTHER}{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        if not any(isinstance(finder, _OtherFolders) for finder in sys.meta_path):
            sys.meta_path.insert(0, _OtherFolders())
        _add_package(name, root)
    return name


def op_package(op: str, folder: Path, root: Path | None = None) -> str:
    """The import name of a folder that is an op outside of `root`, or with `models.NAME` an architecture. In it, `from
    ..contract import` means the contract of the folder of kernels. A module that the library lacks is one beside the
    folder. If two folders are the same op, the second one's name ends with a hash of its path."""
    name = f"{package(root or in_use())}.{op}"
    there = sys.modules.get(name)
    if there is not None and [str(folder)] != list(getattr(there, "__path__", ())):
        name += f"__{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    if name not in sys.modules:
        _add_package(name, folder)
        searched = sys.modules[name.partition(".")[0]].__path__
        if "." not in op and str(folder.parent) not in searched:
            searched.append(str(folder.parent))
    return name


def _add_package(name: str, root: Path) -> None:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(root)]
    sys.modules[name] = importlib.util.module_from_spec(spec)


class _OtherFolders(MetaPathFinder):
    """Finds the modules of folders that are not bound, as Python does, with a loader that keeps them apart."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_OTHER):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _OwnFolder(spec.loader.name, spec.loader.path)
        return spec


class _OwnFolder(SourceFileLoader):
    """`harness_kernels` in the file's imports is the package that the file is loaded in."""

    def get_code(self, fullname: str) -> CodeType:
        """The code, always compiled anew: byte code beside the file belongs to its unchanged text."""
        package = fullname.partition(".")[0]
        tree = ast.parse(self.get_data(self.path), self.path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                node.module = _renamed(node.module or "", package)
            elif isinstance(node, ast.alias):
                node.name = _renamed(node.name, package)
            elif isinstance(node, ast.Name):
                node.id = _renamed(node.id, package)
        code: CodeType = compile(tree, self.path, "exec")
        return code


def _renamed(dotted: str, package: str) -> str:
    first, dot, rest = dotted.partition(".")
    return f"{package}{dot}{rest}" if first == NAME else dotted
