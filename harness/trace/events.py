"""Events out of the bytes of a trace, in blocks of a few thousand, so that memory stays flat and damage costs only the
events that it hits.

The fast way gives msgspec a block that was cut between two events. A cut in the wrong place (inside a string or a
nested list) does not decode, and neither does damage: then `salvage` reads that block event by event.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import msgspec

from harness.trace import salvage
from harness.trace.event import Event

LIST_START = re.compile(rb'"traceEvents"\s*:\s*\[')
BARE_LIST = re.compile(rb"\s*\[\s*(?:\{|\])")
LOOSE_EVENT = re.compile(rb'\{\s*"ph"\s*:\s*"X"')
BLOCK_BYTES = 1 << 18
"""The events of a block stay in the cache of a core: a tenth of the time of a large trace."""
_OVERLAP = 256
_decode = msgspec.json.Decoder(list[Event]).decode


def read_events(pieces: Iterator[bytes], quality: Counter[str]) -> Iterator[list[Event]]:
    """The objects of `traceEvents`, or of a bare list.

    quality: counts damaged_events, repaired_events, unclosed_list. Without a list of events, `no_list` is set and
    everything that looks like an event is read.
    """
    portions = _portions(chain((_after_header(pieces, quality),), pieces))
    buffer = next(portions, b"")
    while True:
        cut = _last_boundary(buffer)
        if cut:
            comma = buffer.rindex(b",", 0, cut)
            try:
                yield _decode(b"".join((b"[", memoryview(buffer)[:comma], b"]")))
                buffer = buffer[cut:]
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                found, used, closed = salvage.read(buffer, False, quality)
                yield found
                if closed:
                    return
                buffer = buffer[used:]
        doubled = 1 + len(buffer) // BLOCK_BYTES  # where one string is all of it
        more = b"".join(islice(portions, 1 if cut else doubled))
        if not more:
            break
        buffer += more
    found, _, closed = salvage.read(buffer, True, quality)
    yield found
    if not closed:
        quality["unclosed_list"] += 1


def _portions(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from (piece[at : at + BLOCK_BYTES] for at in range(0, len(piece), BLOCK_BYTES))


def _after_header(pieces: Iterator[bytes], quality: Counter[str]) -> bytes:
    """The text behind the start of the list; without a list, the text from the first thing that looks like an event."""
    buffer = next(pieces, b"")
    if BARE_LIST.match(buffer):
        return buffer[buffer.index(b"[") + 1 :]
    while True:
        start = LIST_START.search(buffer)
        if start:
            return buffer[start.end() :]
        loose = LOOSE_EVENT.search(buffer)
        piece = None if loose else next(pieces, None)
        if piece is None:
            quality["no_list"] += 1
            return buffer[loose.start() :] if loose else b""
        buffer = buffer[-_OVERLAP:] + piece


def _last_boundary(buffer: bytes) -> int:
    """Start of the last object that follows another one and a comma; 0 where there is none."""
    at = len(buffer)
    while (at := buffer.rfind(b"{", 0, at)) > 0:
        before = buffer[max(0, at - 64) : at].rstrip()
        if before.endswith(b",") and before[:-1].rstrip().endswith(b"}"):
            return at
    return 0
