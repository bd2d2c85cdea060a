"""How a worker imports what takes long."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Imports without looking for garbage among half a million new objects, which takes a tenth of torch's import, and
    never looks among them again: not between two cases, and not in a process that is forked from this one."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
