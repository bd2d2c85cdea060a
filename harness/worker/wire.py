"""The wire between a worker and its parent: MessagePack messages over a socket pair that nothing else writes to.

The output of a kernel goes elsewhere. JSON would not do: an output with NaN has an infinite error, which JSON cannot
express.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec


class Wire:
    """One end of the wire."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Send a message. Raises OSError where the other end is gone."""
        self._connection.send_bytes(msgspec.msgpack.encode(message))

    def receive(self, kind: Any) -> Any:
        """Return the next message. kind: its type, or a union of tagged ones.

        Raises EOFError or OSError where the other end is gone, msgspec.DecodeError for another type.
        """
        return msgspec.msgpack.decode(self._connection.recv_bytes(), type=kind)

    def poll(self, limit_s: float | None) -> bool:
        """Wait for a message or for the other end to go; return False where neither came in time."""
        return self._connection.poll(limit_s)

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()


def wire_pair() -> tuple[Wire, Wire]:
    """Return both ends. Only a process that receives an end inherits it."""
    ours, theirs = Pipe()
    return Wire(ours), Wire(theirs)


def wait_for(wires: Sequence[Wire], limit_s: float | None) -> list[Wire]:
    """Return the wires with a message or a closed other end, as soon as there is one; none after the limit, if any."""
    by_connection = {wire._connection: wire for wire in wires}
    return [by_connection[ready] for ready in wait(by_connection, limit_s)]  # type: ignore[index]
