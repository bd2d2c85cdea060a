"""The options of a sweep. A command reads them before it imports the rest, which takes half a second."""

from __future__ import annotations

from typing import Literal

import msgspec

PROCESSES = 4
Way = Literal["", "guided", "exhaustive"]


class Options(msgspec.Struct, frozen=True):
    """Options of a sweep. `rounds` replaces each pass' own number. again: time stored configurations too. jobs,
    limit_s: of the compiler. scheduler: address of a Dask scheduler; empty: this machine. `processes` fresh ones
    confirm the choice. `untrusted` writes tuned files even from times that disagree. search: empty: by the size of each
    space. budget_s: in all; None: no limit. `recheck` tries only the configurations that a tuned file kept, and their
    neighbours."""

    rounds: int | None = None
    again: bool = False
    jobs: int | None = None
    limit_s: float | None = None
    scheduler: str = ""
    processes: int = PROCESSES
    note: str = ""
    untrusted: bool = False
    search: Way = ""
    budget_s: float | None = None
    recheck: bool = False
