"""Several ranks of one job: where each rank's time went, and who waited for whom. All times are integer nanoseconds."""

from __future__ import annotations

import msgspec

NOT_YET = "its trace begins later"
"""The cause of a late arrival before which a rank's trace has nothing."""


class Kind(msgspec.Struct, frozen=True, order=True):
    """A collective as it is called again and again. type: `all_reduce`. group: the process group's name, or "" where
    the trace does not say it. size: ranks in the group, 0 unknown. bytes: as NCCL's tests count them, 0 unknown."""

    type: str
    group: str = ""
    size: int = 0
    dtype: str = ""
    bytes: int = 0


class RankRow(msgspec.Struct, frozen=True):
    """One rank. compute, communication: unions of their rows. exposed: communication that no compute hides. copies:
    what neither hides. idle: nothing ran. So compute + exposed + copies + idle is the span from its first row to its
    last. wait: in collectives, until the last rank came. came_last: in how many of the `matched` ones it came last;
    held_up: how long the others waited for it, summed over them, as far as its trace had begun."""

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
    """A rank's clock against the first rank's: what is added to its times. offset: at its first collective. pairs:
    collectives that both ended; error: by how much their ends differ after that, median and 95th percentile."""

    rank: int
    offset_ns: int
    drift_ppm: float
    pairs: int
    error_ns: int
    error_95_ns: int


class Calls(msgspec.Struct, frozen=True):
    """All collectives of a kind that several ranks have. count: of them; total: their time summed over ranks, which
    is wait + transfer exactly. bandwidths: over the time from the last arrival to the last end, 0 unknown. last: how
    often each rank came last."""

    kind: Kind
    count: int
    total_ns: int
    wait_ns: int
    transfer_ns: int
    algorithm_gb_s: float
    bus_gb_s: float
    last: dict[int, int]


class Late(msgspec.Struct, frozen=True):
    """A collective that the others waited in. number: which of its kind in the trace. at: from the job's first row.
    wait: of all others. doing: what the late rank spent most of the time on in which it alone was missing. cause:
    what took it longest beyond the others since the collective before; `excess_ns` of it, 0 where nothing did."""

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
    """What made a rank late, over the longest waits. held_up: how long the others waited in those."""

    rank: int
    cause: str
    times: int
    held_up_ns: int
    excess_ns: int


class Steady(msgspec.Struct, frozen=True):
    """The rank that takes longest before each collective of a kind, from its end of the one before, against the middle
    one of the others. later: median of that, with an interval of 99.7 %. late: the interval lies above what equal ranks
    differ by; otherwise who is late cannot be told. cause: what takes it longer by most, with its own interval."""

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
    """A rank has fewer collectives of a kind than others of the group. edge: some could lie before its trace begins
    or after it ends."""

    kind: Kind
    rank: int
    count: int
    edge: bool


class Line(msgspec.Struct, frozen=True):
    """A rank over the time of the job, for a drawing. start, end: of its rows by the common clock, from the job's
    first row. compute, communication: ns in each of equal parts of that. waits: (from, until) in which it waited for
    another rank."""

    rank: int
    start_ns: int
    end_ns: int
    compute: tuple[int, ...]
    communication: tuple[int, ...]
    waits: tuple[tuple[int, int], ...]


class Job(msgspec.Struct, frozen=True):
    """Ranks of one job side by side. world_size: as the traces say it, 0 unknown. absent: ranks without a trace.
    recognised: by what the files are ranks. unmatched: collectives that no other rank has. looked_at:
    of the collectives, those whose late arrival was explained, the longest waits. steady: who is late before each
    collective by a little, where there are enough of them. not_charged: waiting for ranks whose
    trace begins only then, which is held against nobody."""

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
        """The rank that the others waited for longest; None where nobody waited."""
        worst = max(self.ranks, key=lambda row: row.held_up_ns)
        return worst if worst.held_up_ns else None
