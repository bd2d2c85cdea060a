"""From the observed uses of a process to the closure of each case: along imports, and along the files that were
running."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

from harness.observe.audit import Observer, Seen
from harness.observe.code import age, content, kind, names, size
from harness.observe.origin import module_files
from harness.values.closure import Closure

DYNAMIC = ("import_module", "__import__", "sys.modules", "exec(", "eval(", "runpy", "pkgutil", "exec_module",
           "load_module", "entry_points")  # fmt: skip
"""A module that uses one of these may use any other without an import statement."""
READS_ITSELF = ("getsource", "linecache", "get_source", "get_data", "__doc__", "firstlineno", "f_lineno", "tb_lineno")
"""A program with one of these may depend on its own comments and lines."""


class Reach:
    """A graph of files: an arrow from each to those that it may use."""

    def __init__(self, observer: Observer) -> None:
        self.origins = observer.origins
        self.modules = module_files(observer.origins)
        self.seen = dict(observer.seen)
        self.unproved = dict(observer.unproved)
        for file in self.modules.values():
            self.seen.setdefault(self._name(file), Seen(entry=True)).ways.add("code")
        for file in self.modules.values():
            if file.endswith(tuple(EXTENSION_SUFFIXES)):
                self.unproved[f"{self._name(file)} is native code"] = {self._name(file)}

    def closure(self, own: Collection[Path], others: Collection[Path], foreign: Callable[[str], bool]) -> Closure:
        """The closure of a case whose variants lie in `own`; `others` are those of other cases, which this one does not
        call. foreign: whether a file that the harness itself asked for belongs to other ops."""
        other = {self._name(str(file)) for file in others} - {self._name(str(file)) for file in own}
        first = [n for n, seen in self.seen.items() if seen.entry and n not in other and not foreign(n)]
        first += [self._name(str(file)) for file in own]
        reached = self._from(first)
        while more := {n for n, uses in self._imports.items() if n not in reached | other and uses & reached}:
            reached = self._from([*reached, *more])  # whoever imports a module may change it
        return Closure({name: self._found(name) for name in sorted(reached)}, self._doubts(reached))

    def _doubts(self, reached: set[str]) -> tuple[str, ...]:
        return tuple(why for why, by in self.unproved.items() if not by or by & reached)

    def _from(self, first: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(first)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._uses.get(name, ())
                waiting += self.seen if name in self._dynamic else ()
        return found

    @cached_property
    def _texts(self) -> dict[str, str]:
        found = {}
        for file in set(self.modules.values()):
            if file.endswith(".py"):
                try:
                    found[self._name(file)] = Path(file).read_text(encoding="utf-8", errors="replace")
                except OSError:
                    continue
        return found

    @cached_property
    def _dynamic(self) -> set[str]:
        return {name for name, text in self._texts.items() if any(word in text for word in DYNAMIC)}

    @cached_property
    def _reads_itself(self) -> bool:
        return any(word in text for text in self._texts.values() for word in READS_ITSELF)

    @cached_property
    def _imports(self) -> dict[str, set[str]]:
        """The observed files that the text of each module imports, without the packages that hold it."""
        loaded = {name: module for name, module in list(sys.modules.items()) if name in self.modules}
        found: dict[str, set[str]] = {}
        for name, module in loaded.items():
            file = self._name(self.modules[name])
            used = {
                self._name(self.modules[other])
                for other in imported(module, self._texts.get(file, ""))
                if other in self.modules
            }
            found[file] = found.get(file, set()) | used - {file}
        return found

    @cached_property
    def _uses(self) -> dict[str, set[str]]:
        """All arrows: imports, packages around a module, and files opened while a file was running."""
        found = {name: set(used) for name, used in self._imports.items()}
        for name, file in self.modules.items():
            around = name.rpartition(".")[0]
            while around:
                if around in self.modules:
                    found.setdefault(self._name(file), set()).add(self._name(self.modules[around]))
                around = around.rpartition(".")[0]
        for name, seen in self.seen.items():
            for runner in seen.by:
                found.setdefault(runner, set()).add(name)
        return found

    def _name(self, file: str) -> str:
        return self.origins.name(file) or file

    def _found(self, name: str) -> str:
        seen = self.seen.get(name, Seen({"code"}))
        path = Path(self.origins.tree, name)
        if os.path.isabs(name) and "code" not in seen.ways:
            return age(path)
        parts = []
        if seen.ways & {"code", "data"}:
            parts.append(content(path, "data" not in seen.ways and not self._reads_itself))
        if "names" in seen.ways:
            parts.append(names(path))
        if "packages" in seen.ways:
            parts.append(names(path, packages=True))
        if not parts or "size" in seen.ways:
            parts.append(size(path) if "size" in seen.ways else kind(path))
        return "; ".join(parts)


def imported(module: ModuleType, text: str) -> set[str]:
    """The full names of the imports in a module's text, wherever in it, and of their packages."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    package = getattr(module, "__package__", None) or ""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*filter(None, parts), *filter(None, [node.module])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {name[:end] for name in found for end in _ends(name)}


def _ends(name: str) -> list[int]:
    return [*(at for at, letter in enumerate(name) if letter == "."), len(name)]
