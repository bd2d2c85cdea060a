"""A suspected change of a case over commits."""

from __future__ import annotations

import msgspec

from harness.values.estimate import Ratio


class Point(msgspec.Struct, frozen=True):
    """A commit's value on one machine: several runs of it are one. runs: their ids, oldest first."""

    commit: str
    runs: tuple[str, ...]
    log_us: float


class Change(msgspec.Struct, frozen=True):
    """A step between two neighbouring points of a series, suspected and not confirmed. machine: name and start of the
    UUID. before: the last commit of the old level; since: the first measured one of the new. between: commits of the
    repository from `before` to `since`, the latter counted; None where their order is not known. ratio: the new level
    against the old one, by noise and wander of the series. z: standard errors. same_code: all that the case read in
    both was seen to be the same, so that no commit but the machine can have done it."""

    case: str
    suite: str
    machine: str
    before: Point
    since: Point
    between: int | None
    ratio: Ratio
    z: float
    same_code: bool = False


class Series(msgspec.Struct, frozen=True):
    """The points of a case on one machine under the same conditions, in commit order. left_out: runs of commits that
    the repository's first parents do not have, or of changed working trees."""

    case: str
    suite: str
    machine: str
    points: tuple[Point, ...]
    left_out: int = 0
    changes: tuple[Change, ...] = ()


class Missing(msgspec.Struct, frozen=True):
    """A case without data on a machine that used to measure it. run, commit: the last with a time. runs: planned since
    then without one, and the newest one's status and reason; 0 where the machine itself has fallen silent while others
    measure the case."""

    case: str
    suite: str
    machine: str
    run: str
    commit: str
    runs: int = 0
    status: str = ""
    reason: str = ""
