"""A program that was profiled as it is, in one process or as the ranks of a job."""

from __future__ import annotations

import msgspec

from harness.values.ranks import Job, Line


class Program(msgspec.Struct, frozen=True):
    """The profiled program.

    words: The command line, `script.py --size 4`.
    world_size: Number of processes that it was started as.
    job: Its ranks side by side. None for one process.
    lines: Each rank over time.
    failed: The reason by rank. A trace may exist all the same.
    window: The part of the program that was recorded. "" for all.
    processes: Child processes that left a trace, which is part of their rank's.
    lost: By number of a child process, the reason why it left no trace.
    """

    words: tuple[str, ...]
    world_size: int = 1
    job: Job | None = None
    lines: tuple[Line, ...] = ()
    failed: dict[int, str] = {}
    window: str = ""
    processes: int = 0
    lost: dict[int, str] = {}
