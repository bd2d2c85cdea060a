"""Waits until the tried file, or a file that it may import, is saved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

INTERVAL_S = 0.1
SETTLED_S = 0.05
"""Delay between a file's last change and reading it, since some editors write a file in several pieces."""

Stamps = dict[Path, tuple[int, int]]


def changes(file: Path, kernels_root: Path, sleep: float = INTERVAL_S) -> Iterator[bool]:
    """Yield at once, and after every save; True where a file other than the tried one changed too."""
    seen = _stamps(file, kernels_root)
    yield False
    while True:
        time.sleep(sleep)
        now, before = _stamps(file, kernels_root), seen
        while now not in (before, seen):
            time.sleep(SETTLED_S)
            now, before = _stamps(file, kernels_root), now
        if now == seen or not _is_written(file, now):
            continue
        others = {path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path)} - {file}
        seen = now
        yield bool(others)


def _is_written(file: Path, stamps: Stamps) -> bool:
    """Whether the file exists and is not empty, as it is between the two steps of a plain write."""
    return file in stamps and stamps[file][1] > 0


def _stamps(file: Path, kernels_root: Path) -> Stamps:
    """Time (ns) and size (bytes) of the file, its neighbours and the ops' modules."""
    found = {file, *file.parent.glob("*.py"), *kernels_root.glob("*.py"), *kernels_root.glob("*/*.py")}
    stamps: Stamps = {}
    for path in found:
        try:
            at = path.stat()
        except OSError:  # gone while it is looked at: an editor replaces it
            continue
        stamps[path] = at.st_mtime_ns, at.st_size
    return stamps
