"""What a process and its parent say to each other: a value a line, MessagePack in base64.

Not JSON: the error of an output with NaN in it is infinite, and JSON has no word for that.
"""

from __future__ import annotations

import os
import sys
from binascii import a2b_base64, b2a_base64
from typing import Any, BinaryIO

import msgspec


def to_line(value: object) -> bytes:
    return b2a_base64(msgspec.msgpack.encode(value))


def from_line(line: bytes, kind: Any) -> Any:
    """kind: the type that was said, or a union of tagged ones. Raises msgspec.DecodeError and ValueError for what was
    never said so."""
    return msgspec.msgpack.decode(a2b_base64(line), type=kind)


class Outbox:
    """A child's way to speak. It takes over the standard output, so that a stray `print` of a kernel goes to standard
    error and cannot be taken for an answer."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stream: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)

    def send(self, value: object) -> None:
        self._stream.write(to_line(value))
