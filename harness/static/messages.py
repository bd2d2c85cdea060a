"""Messages between the pool and its server, and between the server and the processes that it forks."""

from __future__ import annotations

import msgspec

from harness.values.case import Case
from harness.values.compiled import Compiled


class Job(msgspec.Struct, frozen=True, tag=True):
    """To the server, once: compile these cases, in this order as far as possible."""

    cases: tuple[Case, ...]
    capability: int
    suite_folder: str
    folder: str
    """An empty one that the processes share; the pool removes it."""
    jobs: int
    """Processes at once."""
    limit_s: float
    """Wall time for each case."""


class Result(msgspec.Struct, frozen=True, tag=True):
    """From the server: the result of a case, by its number in the job."""

    number: int
    compiled: Compiled


class Compile(msgspec.Struct, frozen=True, tag=True):
    """To a forked process: the case of this number."""

    number: int


class Claim(msgspec.Struct, frozen=True, tag=True):
    """From a forked process: may it take the code of this key through LLVM and ptxas?"""

    key: str


class Granted(msgspec.Struct, frozen=True, tag=True):
    pass


class Busy(msgspec.Struct, frozen=True, tag=True):
    """Another process is at equal code."""


class Denied(msgspec.Struct, frozen=True, tag=True):
    """Equal code cannot be compiled; reason: why."""

    reason: str


class Ended(msgspec.Struct, frozen=True, tag=True):
    """From a forked process: the machine code of this key is there for others."""

    key: str


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """From a forked process: it put its case aside until the machine code of this key is there."""

    key: str


class Made(msgspec.Struct, frozen=True, tag=True):
    """From a forked process: the result of its case."""

    compiled: Compiled


FromCompiler = Claim | Ended | Waiting | Made
