"""A neighbour on a CPU: another thread that keeps a core busy."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.device.timer import Call

BLOCK_BYTES = 1 << 20
"""Bytes that zlib reads without Python's lock, some tenths of a millisecond at a time. torch's threads take no part."""


@contextmanager
def busy_core() -> Iterator[Callable[[Call], Any]]:
    """Keep a core busy from the first line inside to the last; the thread has ended afterwards."""
    over, begun = threading.Event(), threading.Event()
    block = bytes(BLOCK_BYTES)

    def work() -> None:
        while not over.is_set():
            zlib.crc32(block)
            begun.set()

    thread = threading.Thread(target=work, name="busy neighbour", daemon=True)
    thread.start()
    begun.wait()
    try:
        yield lambda call: call()
    finally:
        over.set()
        thread.join()
