"""Several ranks of one job: the time of each rank, and who waited for whom. All times are integer nanoseconds."""

from __future__ import annotations

import msgspec

NOT_YET = "its trace begins later"
"""The cause of a late arrival if the rank's trace has nothing before it."""


class Kind(msgspec.Struct, frozen=True, order=True):
    """A collective that is called again and again.

    type: `all_reduce`.
    group: The process group's name, or "" if the trace does not state it.
    size: Ranks in the group. 0: unknown.
    bytes: As NCCL's tests count them. 0: unknown.
    """

    type: str
    group: str = ""
    size: int = 0
    dtype: str = ""
    bytes: int = 0


class RankRow(msgspec.Struct, frozen=True):
    """One rank. compute + exposed + copies + idle is the span from its first row to its last.

    compute_ns, communication_ns: Unions of their rows.
    exposed_ns: Communication that no compute hides.
    copies_ns: Copies that neither hides.
    idle_ns: Time in which nothing ran.
    wait_ns: Waiting in collectives, until the last rank came.
    came_last: Number of the `matched` collectives in which it came last.
    held_up_ns: The others' waiting time for it, summed over them, as far as its trace had begun.
    """

    rank: int
    trace: str
    span_ns: int
    compute_ns: int
    communication_ns: int
    exposed_ns: int
    copies_ns: int
    idle_ns: int
    wait_ns: int = 0
    matched: int = 0
    came_last: int = 0
    held_up_ns: int = 0

    @property
    def hidden_ns(self) -> int:
        """Communication during which the rank computed."""
        return self.communication_ns - self.exposed_ns


class ClockFit(msgspec.Struct, frozen=True):
    """A rank's clock against the first rank's: the correction that is added to its times.

    offset_ns: At its first collective.
    pairs: Collectives that both ended.
    error_ns, error_95_ns: Remaining difference of their ends, median and 95th percentile.
    """

    rank: int
    offset_ns: int
    drift_ppm: float
    pairs: int
    error_ns: int
    error_95_ns: int


class Calls(msgspec.Struct, frozen=True):
    """All collectives of a kind that several ranks have.

    count: Number of collectives.
    total_ns: Their time summed over ranks. It is exactly wait + transfer.
    algorithm_gb_s, bus_gb_s: Bandwidths over the time from the last arrival to the last end. 0: unknown.
    last: The number of times that each rank came last.
    """

    kind: Kind
    count: int
    total_ns: int
    wait_ns: int
    transfer_ns: int
    algorithm_gb_s: float
    bus_gb_s: float
    last: dict[int, int]


class Late(msgspec.Struct, frozen=True):
    """A collective that the others waited in.

    number: Its index among its kind in the trace.
    at_ns: From the job's first row.
    wait_ns: Wait of all others.
    late_ns: The time in which the late rank alone was missing.
    doing: The longest activity of the late rank in that time.
    cause: The activity that took it longest beyond the others since the collective before.
    excess_ns: The excess of that activity. 0 if no activity took longer.
    """

    kind: Kind
    number: int
    at_ns: int
    rank: int
    wait_ns: int
    late_ns: int
    doing: str
    doing_ns: int
    cause: str
    excess_ns: int


class Cause(msgspec.Struct, frozen=True):
    """The cause that made a rank late, over the longest waits.

    held_up_ns: The others' waiting time in those.
    """

    rank: int
    cause: str
    times: int
    held_up_ns: int
    excess_ns: int


class Steady(msgspec.Struct, frozen=True):
    """The rank that takes longest before each collective of a kind, counted from its end of the collective before,
    compared with the middle one of the others.

    later_ns: Median of that excess. low_ns and high_ns are its interval of 99.7 %.
    late: The interval lies above the differences between equal ranks. Otherwise no rank can be named as late.
    cause: The activity that takes it longer by most. cause_ns is the excess, with its own interval.
    """

    kind: Kind
    rank: int
    collectives: int
    later_ns: int
    low_ns: int
    high_ns: int
    late: bool
    cause: str = ""
    cause_ns: int = 0
    cause_low_ns: int = 0
    cause_high_ns: int = 0


class Lacking(msgspec.Struct, frozen=True):
    """A rank has fewer collectives of a kind than others of the group.

    edge: Some could lie before its trace begins or after it ends.
    """

    kind: Kind
    rank: int
    count: int
    edge: bool


class Line(msgspec.Struct, frozen=True):
    """A rank over the time of the job, for a drawing.

    start_ns, end_ns: Start and end of its rows by the common clock, from the job's first row.
    compute, communication: Nanoseconds in each of equal parts of the job's time.
    waits: (from, until) of each wait for another rank.
    """

    rank: int
    start_ns: int
    end_ns: int
    compute: tuple[int, ...]
    communication: tuple[int, ...]
    waits: tuple[tuple[int, int], ...]


class Job(msgspec.Struct, frozen=True):
    """Ranks of one job side by side.

    world_size: As the traces state it. 0: unknown.
    absent: Ranks without a trace.
    recognised: The evidence that the files are ranks.
    unmatched: Collectives that no other rank has.
    looked_at: Number of collectives whose late arrival was explained: the longest waits.
    steady: The rank that is a little late before each collective, if there are enough of them.
    not_charged_ns: Waiting for ranks whose trace begins only later. It is charged to nobody.
    """

    ranks: tuple[RankRow, ...]
    clocks: tuple[ClockFit, ...]
    calls: tuple[Calls, ...]
    late: tuple[Late, ...]
    causes: tuple[Cause, ...]
    lacking: tuple[Lacking, ...]
    world_size: int
    absent: tuple[int, ...]
    backend: str
    recognised: str
    unmatched: int
    looked_at: int
    not_charged_ns: int = 0
    device: str = "cuda"
    steady: tuple[Steady, ...] = ()

    @property
    def straggler(self) -> RankRow | None:
        """The rank that the others waited for longest. None if nobody waited."""
        worst = max(self.ranks, key=lambda row: row.held_up_ns)
        return worst if worst.held_up_ns else None
