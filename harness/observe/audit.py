"""Observes the code of a tree by Python's audit events and `os.stat`: it opens, lists and looks up files, and starts
processes."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from harness.observe.code import source_of
from harness.observe.origin import Origin, Origins, module_files

READS_SOURCE = ("linecache.py", "inspect.py", "tokenize.py")
"""Modules of the library that read a function's source text for compilers (Triton, inductor)."""
ONLY_WHETHER = ("exists", "lexists", "isfile", "isdir", "islink", "is_file", "is_dir", "is_symlink", "realpath",
                "_joinrealpath", "resolve", "ismount", "is_mount")  # fmt: skip
"""Functions of the library that test existence or kind, not length."""
STARTS = {
    "subprocess.Popen": "starts another process", "os.system": "starts another process",
    "os.exec": "starts another process", "os.posix_spawn": "starts another process",
    "os.fork": "starts another process", "os.forkpty": "starts another process",
    "socket.connect": "connects to another program",
}  # fmt: skip
"""Events after which reads are no longer visible. A compiler that torch or Triton starts reads only files that they
wrote."""
HEARD = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect", "ctypes.dlopen", "import", *STARTS})
"""The recorded events. All others are ignored, since even reading a function's code is an event."""


@dataclass
class Seen:
    """Facts about one path: its uses (`code`, `data`, `names`, `packages`, `kind`, `size`), and the files of the tree
    that were running then."""

    ways: set[str] = field(default_factory=set)
    by: set[str] = field(default_factory=set)
    entry: bool = False
    """Whether nothing of the tree was running: the harness or a library asked for it."""


class Observer:
    """Observes from `start` on. Nothing of the tree should be imported before."""

    def __init__(self, tree: Path) -> None:
        self.origins = Origins(tree)
        self.seen: defaultdict[str, Seen] = defaultdict(Seen)
        self.unproved: dict[str, set[str]] = {}
        """Reasons why more may have been read, with the files of the tree that were running then."""
        self._on = False

    def start(self) -> None:
        for file in module_files(self.origins).values():
            if self.origins.of(file) == "tree":
                self.unproved[f"{self.origins.name(file)} was imported before the watch began"] = set()
        self._on = True
        sys.addaudithook(self._heard)
        for name in ("stat", "lstat", "access", "readlink"):
            setattr(os, name, self._watched(getattr(os, name)))

    def stop(self) -> None:
        """Stop recording: an audit hook cannot be removed, but it ignores all further events."""
        self._on = False

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on or event not in HEARD:
            return
        if event == "open":
            self._opened(arguments[0], arguments[1], arguments[2])
        elif event in ("os.listdir", "os.scandir"):
            self._listed(arguments[0])
        elif event == "sqlite3.connect":
            self._opened(arguments[0], "r", 0)
        elif event == "ctypes.dlopen":
            self._linked(arguments[0])
        elif event == "import" and isinstance(arguments[1], str):
            self._linked(arguments[1])
        elif event in STARTS:
            initiator, _, by = self._stack()
            if initiator in ("tree", "elsewhere"):
                self._doubt(STARTS[event], by)

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        found = _text(path)
        if found is None:
            return
        file = os.path.join(os.getcwd(), found)
        name = self.origins.name(file)
        initiator, inner, by = self._stack()
        if name is None:
            own = initiator in ("tree", "elsewhere") and "<import>" not in inner[:1]
            if own and not _writes(mode, flags) and self.origins.of(file) == "elsewhere":
                self._note(file, "data", by)
            return
        if _writes(mode, flags):
            if initiator in ("tree", "elsewhere"):
                self._doubt(f"writes {name}", by)
            return
        if "__pycache__" in name and "<import>" in inner[:1]:
            self._note(source_of(name), "code", by)
            return
        if initiator in ("installed", "harness") and any(file.endswith(READS_SOURCE) for file in inner):
            self.seen[name].ways.add("code")  # of a module that runs already, for a compiler or for a message
            return
        is_code = "<import>" in inner[:1] or (initiator == "harness" and name.endswith(".py"))
        self._note(name, "code" if is_code else "data", by)

    def _listed(self, path: Any) -> None:
        found = _text(path) if path else "."
        initiator, inner, by = self._stack()
        if found is None:
            if initiator in ("tree", "elsewhere"):
                self._doubt("lists an open folder", by)
            return
        name = self.origins.name(os.path.join(os.getcwd(), found))
        if name is None or "<import>" in inner[:1] or initiator == "harness":
            return
        metadata = any(f"importlib{os.sep}metadata" in file for file in inner)
        self._note(name, "packages" if metadata else "names", by)

    def _linked(self, path: Any) -> None:
        found = _text(path)
        initiator, _, by = self._stack()
        name = self.origins.name(os.path.join(os.getcwd(), found)) if found and os.sep in found else None
        if name is not None:
            self._note(name, "data", by)
            self._doubt(f"runs native code of {name}", by)
        elif initiator in ("tree", "elsewhere"):
            self._doubt(f"runs native code of {found or 'the process'}", by)

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any, *arguments: Any, **keywords: Any) -> Any:
            if self._on and not keywords.get("dir_fd"):
                self._looked(path)
            return function(path, *arguments, **keywords)

        watched.__name__ = function.__name__
        return watched

    def _looked(self, path: Any) -> None:
        found = _text(path)
        name = self.origins.name(os.path.join(os.getcwd(), found)) if found is not None else None
        if name is None:
            return
        initiator, inner, by = self._stack()
        if initiator == "harness" or "<import>" in inner[:1] or any(file.endswith(READS_SOURCE) for file in inner):
            return
        self._note(name, "kind" if any(f":{asked}" in inner for asked in ONLY_WHETHER) else "size", by)

    def _note(self, name: str, way: str, by: set[str]) -> None:
        seen = self.seen[name]
        seen.ways.add(way)
        seen.by |= by
        seen.entry |= not by

    def _doubt(self, what: str, by: set[str]) -> None:
        self.unproved.setdefault(f"{min(by, default='the code')} {what}", set()).update(by)

    def _stack(self) -> tuple[Origin, list[str], set[str]]:
        """Return three things. First, the origin of the innermost code that is not the library's: it began the event.
        Second, the library's files on the way there, innermost first, `<import>` for the import system, each followed
        by `:function`. Third, all files of the tree that are running."""
        frame: FrameType | None = sys._getframe(1)
        own = __file__
        while frame is not None and frame.f_code.co_filename == own:
            frame = frame.f_back
        initiator: Origin | None = None
        inner: list[str] = []
        by: set[str] = set()
        while frame is not None:
            file = frame.f_code.co_filename
            place = self.origins.of(file)
            if initiator is None:
                if place in ("import", "library"):
                    inner += ["<import>" if place == "import" else file, f":{frame.f_code.co_name}"]
                else:
                    initiator = place
            if place == "tree":
                by.add(self.origins.name(file) or file)
            frame = frame.f_back
        return initiator or "elsewhere", inner, by


def _text(path: Any) -> str | None:
    """A path as text; None for a number or anything else that is no path."""
    try:
        return None if isinstance(path, int) or path is None else os.fsdecode(path)
    except TypeError:
        return None


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
