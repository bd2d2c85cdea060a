"""All configurations of a sweep compiled for a target, none of them run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.values.compiled import Compiled
from harness.values.measurement import Status

PRUNED = (Status.UNSUPPORTED, Status.TIMEOUT)
"""Left out by a rule that is stated in the row: it cannot or does not fit, or is over the time limit."""


class StaticSweep(msgspec.Struct, frozen=True):
    """configurations: in the order of the plan. toolchain: versions and settings that the binaries depend on.
    sources: hash of each variant's source by `op/variant`. jobs: processes; limit_s: for each configuration."""

    suite: str
    target: str
    toolchain: str
    sources: dict[str, str]
    configurations: tuple[Compiled, ...]
    jobs: int
    limit_s: float
    wall_s: float

    @property
    def declared(self) -> int:
        return len(self.configurations)

    @property
    def distinct(self) -> int:
        return len(groups(self.configurations))

    @property
    def pruned(self) -> int:
        return sum(c.status in PRUNED for c in self.configurations)

    @property
    def failed(self) -> int:
        return sum(c.status is Status.FAILED for c in self.configurations)

    @property
    def cached(self) -> int:
        return sum(c.cached for c in self.configurations)


def groups(configurations: Sequence[Compiled]) -> list[list[Compiled]]:
    """Those that compiled, the identical ones together, in their order. What is not known to be identical is alone."""
    found: dict[str, list[Compiled]] = {}
    for c in configurations:
        if c.status is Status.OK:
            found.setdefault(c.identity or c.case.id, []).append(c)
    return list(found.values())
