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


class Compile(msgspec.Struct, frozen=True, tag=True):
    """To a forked process: the case of this number."""

    number: int


class Result(msgspec.Struct, frozen=True, tag=True):
    """What came of the case of this number."""

    number: int
    compiled: Compiled


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """From a forked process: another one is at equal code, of this key; the case of this number is put aside."""

    number: int
    key: str
