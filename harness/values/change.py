"""A suspected change of a case over commits."""

from __future__ import annotations

import msgspec

from harness.values.estimate import Ratio


class Point(msgspec.Struct, frozen=True):
    """The value of a commit on one machine. Several runs of the commit make one point.

    runs: Their ids, oldest first.
    """

    commit: str
    runs: tuple[str, ...]
    log_us: float


class Change(msgspec.Struct, frozen=True):
    """A step between two neighbouring points of a series, suspected and not confirmed.

    machine: Name and start of the UUID.
    before: The last commit of the old level.
    since: The first measured commit of the new level.
    between: Commits of the repository after `before`, up to and including `since`. None if their order is not known.
    ratio: The new level over the old one. Its interval comes from noise and wander of the series.
    z: Standard errors.
    same_code: Everything that the case was seen to read was the same on both sides, so that only the machine can be the
        cause.
    """

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
    """The points of a case on one machine under the same conditions, in commit order.

    left_out: Runs of changed working trees, and of commits outside of the repository's first parents.
    unchanged: Neighbouring points that are proved to have run the same code.
    unchanged_sd: Standard deviation of a point's log time over these: what machine and noise do between two commits
        that change nothing. None for too few.
    """

    case: str
    suite: str
    machine: str
    points: tuple[Point, ...]
    left_out: int = 0
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    unchanged_sd: float | None = None


class Missing(msgspec.Struct, frozen=True):
    """A case without data on a machine that used to measure it.

    run, commit: The last ones with a time.
    runs: Runs that planned the case since then and have no time. 0 if the machine itself has fallen silent while others
        measure the case.
    status, reason: From the newest such run.
    """

    case: str
    suite: str
    machine: str
    run: str
    commit: str
    runs: int = 0
    status: str = ""
    reason: str = ""
