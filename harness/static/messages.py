"""What the pool and its server say to each other, in `harness.lines`."""

from __future__ import annotations

import msgspec

from harness.values.case import Case
from harness.values.compiled import Compiled


class Job(msgspec.Struct, frozen=True):
    """To the server, once: compile these cases, in this order as far as possible, with `jobs` processes. folder: an
    empty one for what the processes share; it is the pool's to remove."""

    cases: tuple[Case, ...]
    capability: int
    suite_folder: str
    kernels_root: str
    folder: str
    jobs: int
    limit_s: float


class Result(msgspec.Struct, frozen=True):
    """From the server: number of the case in the job, and what came of it."""

    number: int
    compiled: Compiled
