"""A program that was profiled as it is, in one process or as the ranks of a job."""

from __future__ import annotations

import msgspec

from harness.values.ranks import Job, Line


class Program(msgspec.Struct, frozen=True):
    """words: the command line, `script.py --size 4`. world_size: processes that it was started as. job: its ranks side
    by side, None for one process. lines: each rank over time. failed: why, by rank; its trace may be there all the
    same. window: the part of it that was recorded, "" for all. processes: child processes that left a trace, which is
    part of their rank's; lost: why another one left none, by its number."""

    words: tuple[str, ...]
    world_size: int = 1
    job: Job | None = None
    lines: tuple[Line, ...] = ()
    failed: dict[int, str] = {}
    window: str = ""
    processes: int = 0
    lost: dict[int, str] = {}
