"""Files of a folder that any process opens, reported by the kernel (inotify): native code and other processes
included."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

IN_OPEN = 0x20
IN_ISDIR, IN_OVERFLOW, IN_ONLYDIR, IN_DONT_FOLLOW = 0x40000000, 0x4000, 0x01000000, 0x02000000
EVENT = struct.Struct("iIII")
NOT_WATCHED = frozenset({".git", ".harness"})


@dataclass
class Opened:
    """Files that were opened."""

    files: set[str] = field(default_factory=set)
    """Relative to the folder."""
    unseen: str = ""
    """The reason why some are missing."""


@contextmanager
def opened_below(folder: Path) -> Iterator[Opened]:
    """The files opened while it lasts; complete after it ended, unless `unseen` gives a reason."""
    found = Opened()
    try:
        watch = _Watch(folder)
    except (OSError, AttributeError, ValueError) as error:
        found.unseen = f"this system does not tell which files are opened ({error})"
        yield found
        return
    try:
        yield found
    finally:
        watch.finish(found)


class _Watch:
    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._queue = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._queue < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._folders: dict[int, str] = {}
        self._files: set[str] = set()
        self._overflow = False
        try:
            for path, below, _ in os.walk(folder, onerror=_raise):
                below[:] = [name for name in below if name not in NOT_WATCHED]
                self._add(folder, path)
        except OSError:
            os.close(self._queue)
            raise
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        self._thread.start()

    def _add(self, folder: Path, path: str) -> None:
        mask = IN_OPEN | IN_ONLYDIR | IN_DONT_FOLLOW
        number = self._libc.inotify_add_watch(self._queue, os.fsencode(path), mask)
        if number < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._folders[number] = os.path.relpath(path, folder)

    def finish(self, found: Opened) -> None:
        self._ends.set()
        self._thread.join()
        self._read()
        os.close(self._queue)
        found.files |= self._files
        if self._overflow:
            found.unseen = "more files were opened than the system told"

    def _read_on(self) -> None:
        while not self._ends.wait(0.05):
            self._read()

    def _read(self) -> None:
        while True:
            try:
                events = os.read(self._queue, 1 << 16)
            except BlockingIOError:
                return
            at = 0
            while at < len(events):
                number, mask, _, length = EVENT.unpack_from(events, at)
                name = os.fsdecode(events[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0"))
                at += EVENT.size + length
                self._overflow |= bool(mask & IN_OVERFLOW)
                if name and not mask & IN_ISDIR:
                    self._files.add(os.path.normpath(os.path.join(self._folders.get(number, "?"), name)))


def _raise(error: OSError) -> None:
    raise error
