"""The head of a trace, before its events: its rank, the number of ranks, and the origin of its times."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from harness.trace.rows import MOST_NS
from harness.trace.source import read_pieces

DISTRIBUTED = re.compile(rb'"distributedInfo"\s*:\s*(?=\{)')
BASE = re.compile(rb'"baseTimeNanoseconds"\s*:\s*(\d{1,19})')
EVENTS = re.compile(rb'"traceEvents"\s*:')


class Head(msgspec.Struct, frozen=True):
    """The head of a trace."""

    rank: int | None = None
    """None where the trace gives none."""
    world_size: int = 0
    backend: str = ""
    base_ns: int = 0
    """Added to the trace's times to get those of the machine's clock."""
    is_trace: bool = True
    """Whether the file has events."""


def read_head(path: Path) -> Head:
    """The head from the first piece of a file: torch writes it before the events. Raises HarnessError like reading."""
    pieces = read_pieces(path, Counter())
    start = next(pieces, b"")
    pieces.close()  # type: ignore[attr-defined]  # a generator: its file is closed now
    return head_of(start)


def head_of(start: bytes) -> Head:
    events = EVENTS.search(start)
    head = start[: events.start()] if events else start
    said = _distributed(head)
    base = BASE.search(head)
    rank, world = said.get("rank"), said.get("world_size")
    return Head(
        rank=rank if _whole(rank) else None,
        world_size=world if _whole(world) else 0,  # type: ignore[arg-type]
        backend=str(said.get("backend") or ""),
        base_ns=int(base[1]) if base and int(base[1]) < MOST_NS else 0,
        is_trace=bool(events) or b'"ph"' in start,
    )


def _distributed(head: bytes) -> dict[str, Any]:
    found = DISTRIBUTED.search(head)
    if found is None:
        return {}
    try:
        value, _ = json.JSONDecoder().raw_decode(head[found.end() :].decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31
