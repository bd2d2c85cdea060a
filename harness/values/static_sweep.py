"""All configurations of a sweep compiled for a target. None of them is run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.values.compiled import Compiled
from harness.values.measurement import Status

PRUNED = (Status.UNSUPPORTED, Status.TIMEOUT)
"""Left out by a rule that is stated in the row: it cannot or does not fit, or is over the time limit."""


class StaticSweep(msgspec.Struct, frozen=True):
    """The compiled configurations of a sweep.

    configurations: In the order of the plan.
    toolchain: Versions and settings that the binaries depend on.
    sources: Hash of each variant's source by `op/variant`.
    jobs: Processes.
    limit_s: Limit for each configuration.
    """

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
    """The configurations that compiled, in their order, with identical ones in one group. A configuration that is not
    known to be identical to another is alone."""
    found: dict[str, list[Compiled]] = {}
    for c in configurations:
        if c.status is Status.OK:
            found.setdefault(c.identity or c.case.id, []).append(c)
    return list(found.values())
