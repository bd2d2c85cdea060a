"""Kernel cases of two sides at the same sites of a model: two variants of an op, or a composite op and the ops that it
replaces."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harness.compare.join import Joined
from harness.values.case import Case
from harness.values.estimate import Estimate

T = TypeVar("T")
Timed = tuple[int, Estimate]
"""An op's calls per step, and the time of each."""


@dataclass(eq=False)
class SameSites(Generic[T]):
    """op_sites: `op@site`, by the names of ops that replace no others. base, head: the ops that each side calls
    there."""

    op_sites: set[str] = field(default_factory=set)
    base: list[T] = field(default_factory=list)
    head: list[T] = field(default_factory=list)

    def take(self, other: SameSites[T]) -> None:
        self.op_sites |= other.op_sites
        self.base += other.base
        self.head += other.head


def same_sites(base: Sequence[T], head: Sequence[T], case_of: Callable[[T], Case]) -> list[SameSites[T]]:
    """The cases grouped by the sites that they cover, directly or through others of their group. Groups in which one
    side has no case allow no statement and are left out."""
    found = [SameSites(set(case_of(one).op_sites), base=[one]) for one in base]
    found += [SameSites(set(case_of(one).op_sites), head=[one]) for one in head]
    groups: list[SameSites[T]] = []
    for one in found:
        touching = [group for group in groups if group.op_sites & one.op_sites]
        merged = SameSites[T]()
        for group in (*touching, one):
            merged.take(group)
        groups = [*(group for group in groups if group not in touching), merged]
    return [group for group in groups if group.base and group.head]


def extra_time(base: Sequence[Timed], head: Sequence[Timed]) -> tuple[int, float, float]:
    """The extra time of head's ops over base's at the same sites: calls, us each and half width. It is per call where
    all have equal call counts, else per step and so once."""
    every = [*((-1, *timed) for timed in base), *((1, *timed) for timed in head)]
    calls = {calls for _, calls, _ in every}
    each = calls.pop() if len(calls) == 1 else 1
    us = sum(sign * calls * time.value / each for sign, calls, time in every)
    return each, us, math.hypot(*(calls * time.half_width / each for _, calls, time in every))


def replaced_in_head(joined: Sequence[Joined]) -> dict[str, str]:
    """The kernel questions of base alone, by name, where head calls composite ops: their sites. It includes only arms
    with a decode on both sides, which shows the effect."""
    arms = {(q.base.case.arm, q.head.case.arm) for q in joined if q.case.kind == "decode" and q.base and q.head}
    composites = [q.head.case for q in joined if q.head and not q.base and q.head.case.replaces]
    found = {}
    for question in joined:
        if question.base and not question.head and question.case.kind == "kernel":
            case = question.base.case
            here = [c.op_site for c in composites if (case.arm, c.arm) in arms and case.op_sites & c.op_sites]
            if here:
                found[question.name] = " + ".join(dict.fromkeys(here))
    return found
