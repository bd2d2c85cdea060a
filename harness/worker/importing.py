"""Slow imports of a worker, without garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Disable the garbage collector while importing, then freeze all objects.

    Scanning half a million new objects takes a tenth of torch's import. Frozen objects are never scanned again: neither
    between two cases, nor in a process forked from this one.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
