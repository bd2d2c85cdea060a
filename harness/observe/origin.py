"""The origin of a file: the tree under observation, Python's library, installed packages, or this harness."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Literal

Origin = Literal["import", "library", "installed", "harness", "tree", "elsewhere"]
PACKAGE_FOLDERS = ("site-packages", "dist-packages")
IMPORTED_BY_ALL = ("torch", "triton", "numpy")
HARNESS = str(Path(__file__).resolve().parent.parent)


@cache
def installed_folders() -> tuple[str, ...]:
    """Folders of installed packages."""
    found = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()}
    return _below({*found, *site.getsitepackages()})


def filled_folders(tree: str) -> tuple[str, ...]:
    """Folders that tools filled: pip for PYTHONPATH (`pip install --target`), and Triton, which keeps the launchers
    there that it builds from its own sources. None that holds the tree."""
    filled = {path for path in sys.path if path and any(Path(path).glob("*.dist-info"))}
    filled.add(os.environ.get("TRITON_CACHE_DIR") or os.path.expanduser("~/.triton/cache"))
    return tuple(folder for folder in _below(filled) if not f"{tree}{os.sep}".startswith(folder))


@cache
def library_folders() -> tuple[str, ...]:
    """Folders of the standard library."""
    return _below({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)})


def _below(folders: set[str]) -> tuple[str, ...]:
    return tuple(sorted({f"{place}{os.sep}" for folder in folders for place in (folder, os.path.realpath(folder))}))


def tree_around(suite: Path) -> Path:
    """The repository that holds a suite; without one, the suite's folder."""
    folder = suite.resolve().parent
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def shadows(tree: Path) -> tuple[str, ...]:
    """Names at a tree's root, the first place that Python searches, that hide a module of Python's library or one that
    every kernel imports: `json.py`, `torch`."""
    known = {*sys.stdlib_module_names, *IMPORTED_BY_ALL}
    modules = {entry.name: entry.stem for entry in tree.glob("*.py")}
    packages = {entry.parent.name: entry.parent.name for entry in tree.glob("*/__init__.py")}
    return tuple(sorted(name for name, module in {**modules, **packages}.items() if module in known))


class Origins:
    """Origins of files as seen from one tree. A folder of packages inside of the tree (`.venv`) is installed."""

    def __init__(self, tree: Path) -> None:
        self.tree = str(tree.resolve())
        self._roots = tuple(f"{root}{os.sep}" for root in dict.fromkeys((self.tree, str(tree.absolute()))))
        self._filled = filled_folders(self.tree)
        self._known: dict[str, Origin] = {}

    def of(self, file: str) -> Origin:
        """file: absolute, or the name that Python gives to code of no file (`<frozen os>`)."""
        if file not in self._known:
            self._known[file] = self._find(file)
        return self._known[file]

    def name(self, path: str) -> str | None:
        """The path relative to the tree, as it was named, links and all; None outside of it. The tree itself is `.`."""
        path = os.path.normpath(path)
        for root in self._roots:
            if f"{path}{os.sep}" == root:
                return "."
            if path.startswith(root):
                return path[len(root) :]
        return None

    def _find(self, file: str) -> Origin:
        if file.startswith("<"):
            return "import" if file.startswith(("<frozen importlib", "<frozen zipimport")) else "library"
        if file.startswith((*installed_folders(), *self._filled)):
            return "installed"
        if file.startswith(HARNESS + os.sep):
            return "harness"
        if file.startswith(self._roots):
            return "tree"
        if any(f"{os.sep}{folder}{os.sep}" in file for folder in PACKAGE_FOLDERS):
            return "installed"
        if file.startswith(library_folders()):
            return "library"
        return "elsewhere"


def module_files(origins: Origins) -> dict[str, str]:
    """By name, the file of every imported module that belongs neither to Python, nor to installed packages, nor to this
    harness."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        path = os.path.abspath(file) if isinstance(file, str) else ""
        if path and origins.of(path) in ("tree", "elsewhere") and os.path.lexists(path):  # some make up a name
            found[name] = path
    return found
