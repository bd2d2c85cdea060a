"""The wire between a worker and its parent: MessagePack messages over a socket pair that nothing else writes to.

Whatever a kernel prints goes elsewhere. Not JSON: the error of an output with NaN in it is infinite, and JSON has no
word for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec


class Wire:
    """One end of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Raises OSError where the other end is gone."""
        self._connection.send_bytes(msgspec.msgpack.encode(message))

    def receive(self, kind: Any) -> Any:
        """The next message. kind: its type, or a union of tagged ones. Raises EOFError or OSError where the other end
        is gone, msgspec.DecodeError for another type."""
        return msgspec.msgpack.decode(self._connection.recv_bytes(), type=kind)

    def poll(self, limit_s: float | None) -> bool:
        """Waits for a message or for the other end to go; False where neither came in time."""
        return self._connection.poll(limit_s)

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()


def wire_pair() -> tuple[Wire, Wire]:
    """Both ends. No process inherits one that is not given it."""
    ours, theirs = Pipe()
    return Wire(ours), Wire(theirs)


def wait_for(wires: Sequence[Wire], limit_s: float | None) -> list[Wire]:
    """Those that have a message or whose other end is gone, as soon as there is one; none after the limit, if any."""
    by_connection = {wire._connection: wire for wire in wires}
    return [by_connection[ready] for ready in wait(by_connection, limit_s)]  # type: ignore[index]
