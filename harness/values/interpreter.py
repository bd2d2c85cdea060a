"""A Python interpreter with its packages: the thing under test where each side of a comparison has its own."""

from __future__ import annotations

import msgspec

from harness.values.difference import Difference

FIRST = ("python", "torch", "triton")
"""Named before all other packages, which follow in alphabetical order."""
NOT_THERE = "none"
MOST_NAMED = 6


class Interpreter(msgspec.Struct, frozen=True):
    """An interpreter that runs one side of a comparison.

    python: Its absolute path.
    version: `3.11.9`.
    packages: Versions of the packages that an import finds, by normalised name.
    builds: Digests of their files, by the same names. Two builds of one version differ here.
    """

    python: str
    version: str
    packages: dict[str, str] = {}
    builds: dict[str, str] = {}

    def differences(self, other: Interpreter) -> tuple[Difference, ...]:
        """Versions and builds of packages that differ, from this interpreter to the other."""
        ours, theirs = ({"python": found.version, **found.packages} for found in (self, other))
        names = sorted({*ours, *theirs}, key=lambda name: (*(name != first for first in FIRST), name))
        found = []
        for name in names:
            base, head = ours.get(name, NOT_THERE), theirs.get(name, NOT_THERE)
            builds = [side.builds.get(name, "") for side in (self, other)]
            if base == head and all(builds) and builds[0] != builds[1]:
                base, head = (f"{base} (build {build})" for build in builds)
            if base != head:
                found.append(Difference(name, base, head))
        return tuple(found)


def under_test(differences: tuple[Difference, ...]) -> str:
    """`triton 3.6.0 -> 3.7.1, numpy 1.26.4 -> 2.0.0 and 3 more`."""
    if not differences:
        return "two interpreters whose packages are all the same"
    named = [f"{found.field} {found.base} -> {found.head}" for found in differences[:MOST_NAMED]]
    left = len(differences) - len(named)
    return ", ".join(named) + (f" and {left} more" if left else "")
