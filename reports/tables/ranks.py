"""Several ranks of one job: a line for each rank, their collectives, and the late ranks with causes."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.profile import Profile
from harness.values.ranks import Job, Kind, Lacking

from ..figures import bandwidth, clean, percent
from ..figures import milliseconds as ms
from ..table import Cell, Column, Mark, Name, Number, Row, Table, Words, maybe
from .breakdown import short

MOST_LATE = 20
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def ranks(job: Job) -> Table:
    """compute + exposed + copies + idle equal the span. The rank that held the others up longest is marked."""
    columns = (
        Column("rank", "Rank (ms)"), Column("span_ns", "Span", right=True),
        Column("compute_ns", "Compute", right=True), Column("communication_ns", "Communication", right=True),
        Column("exposed_ns", "Exposed", right=True), Column("hidden", "Hidden", right=True),
        Column("copies_ns", "Copies", right=True), Column("idle_ns", "Idle", right=True),
        Column("wait_ns", "Waited", right=True), Column("came_last", "Came last", right=True),
        Column("held_up_ns", "Others waited", right=True), Column("late", "", sparse=True),
    )  # fmt: skip
    worst, rows = job.straggler, []
    for row in job.ranks:
        hidden = row.hidden_ns / row.communication_ns if row.communication_ns else None
        cells: tuple[Cell, ...] = (
            Name(f"rank {row.rank}", code=False), _ms(row.span_ns), _ms(row.compute_ns), _ms(row.communication_ns),
            _ms(row.exposed_ns), maybe(hidden, percent), _ms(row.copies_ns), _ms(row.idle_ns), _ms(row.wait_ns),
            Number(row.came_last, f"{row.came_last:,}"), _ms(row.held_up_ns),
            Mark("late", "worse", strong=True) if row == worst else None,
        )  # fmt: skip
        rows.append(Row(cells))
    return Table("ranks", "Ranks", columns, tuple(rows), published=True)


def collectives(job: Job) -> Table:
    """wait + transfer equal the time of the collectives, summed over ranks."""
    columns = (
        Column("collective", "Collective"), Column("group", "Group", sparse=True, extra=True),
        Column("bytes", "Size", right=True, sparse=True), Column("dtype", "Dtype", sparse=True, extra=True),
        Column("count", "Count", right=True), Column("total_ns", "All ranks (ms)", right=True),
        Column("wait_ns", "Wait", right=True), Column("transfer_ns", "Transfer", right=True),
        Column("algorithm_gb_s", "Algorithm bandwidth", right=True, sparse=True, extra=True),
        Column("bus_gb_s", "Bus bandwidth", right=True, sparse=True), Column("last", "Came last"),
    )  # fmt: skip
    rows = []
    for row in job.calls:
        often = sorted(row.last.items(), key=lambda item: (-item[1], item[0]))
        words = ", ".join(f"rank {rank} {count:,}x" for rank, count in often[:3]) + (", ..." if len(often) > 3 else "")
        rows.append(Row((
            Name(row.kind.type), Name(clean(row.kind.group, 40), code=False) if row.kind.group else None,
            Number(row.kind.bytes, size(row.kind.bytes)) if row.kind.bytes else None,
            Words(clean(row.kind.dtype)) if row.kind.dtype else None, Number(row.count, f"{row.count:,}"),
            _ms(row.total_ns), _ms(row.wait_ns), _ms(row.transfer_ns), _bandwidth(row.algorithm_gb_s),
            _bandwidth(row.bus_gb_s), Words(words),
        )))  # fmt: skip
    return Table("collectives", "Collectives", columns, tuple(rows), published=True)


def causes(job: Job) -> Table:
    """The work on which a late rank spent more time than the others."""
    columns = (
        Column("rank", "Late"), Column("cause", "Took longer than on the others"), Column("times", "Times", right=True),
        Column("excess_ns", "Longer by (us each)", right=True), Column("held_up_ns", "Others waited (ms)", right=True),
    )  # fmt: skip
    rows = []
    for row in job.causes:
        each = row.excess_ns / row.times / 1e3
        rows.append(Row((
            Name(f"rank {row.rank}", code=False), Name(op_words(row.cause) or "(nothing)", long=True),
            Number(row.times, f"{row.times:,}"), Number(each, f"{each:,.2f}"), _ms(row.held_up_ns),
        )))  # fmt: skip
    return Table("causes", "Causes of the delay", columns, tuple(rows), published=True)


def late(job: Job) -> Table:
    """The collectives with the longest waits."""
    columns = (
        Column("collective", "Collective"), Column("number", "Number", right=True),
        Column("at_ns", "At (ms)", right=True), Column("wait_ns", "Others waited (us)", right=True),
        Column("rank", "Late"), Column("late_ns", "by (us)", right=True), Column("doing", "Meanwhile it ran"),
        Column("cause", "Took longer than on the others", extra=True),
        Column("excess_ns", "by (us)", right=True, extra=True),
    )  # fmt: skip
    rows = [
        Row((
            Name(kind_words(row.kind)), Number(row.number, f"{row.number:,}"), _ms(row.at_ns), _us(row.wait_ns),
            Name(f"rank {row.rank}", code=False), _us(row.late_ns), Name(op_words(row.doing) or "-", long=True),
            Name(op_words(row.cause) or "-", long=True), _us(row.excess_ns),
        ))
        for row in job.late[:MOST_LATE]
    ]  # fmt: skip
    return Table("late", "Longest waits", columns, tuple(rows), published=True)


def steady(job: Job) -> Table:
    """The ranks that take longer before each collective, by the median; intervals have 99.7 % confidence."""
    columns = (
        Column("collective", "Before each"), Column("collectives", "Count", right=True), Column("rank", "Rank"),
        Column("later_ns", "Longer by (us)", right=True), Column("interval", "Interval (us)", right=True),
        Column("late", ""), Column("cause", "Of which", sparse=True),
        Column("cause_ns", "(us)", right=True, sparse=True),
    )  # fmt: skip
    rows = [
        Row((
            Name(kind_words(row.kind)), Number(row.collectives, f"{row.collectives:,}"),
            Name(f"rank {row.rank}", code=False), _us(row.later_ns), Words(_between(row.low_ns, row.high_ns)),
            Mark("late", "worse", strong=True) if row.late else Words("cannot tell"),
            Name(op_words(row.cause), long=True) if row.cause else None, _us(row.cause_ns) if row.cause else None,
        ))
        for row in job.steady
    ]  # fmt: skip
    return Table("steady", "Late by a little, every time", columns, tuple(rows), published=True)


def clocks(job: Job) -> Table:
    """The correction added to each rank's times, and the remaining differences between the ends of collectives."""
    columns = (
        Column("rank", "Rank"), Column("offset_ns", "Clock offset (us)", right=True),
        Column("drift_ppm", "Drift (ppm)", right=True), Column("pairs", "Collectives", right=True),
        Column("error_ns", "Ends differ (us), median", right=True), Column("error_95_ns", "95 %", right=True),
    )  # fmt: skip
    rows = [
        Row((
            Name(f"rank {row.rank}", code=False), _us(row.offset_ns), Number(row.drift_ppm, f"{row.drift_ppm:.3f}"),
            Number(row.pairs, f"{row.pairs:,}"), _us(row.error_ns), _us(row.error_95_ns),
        ))
        for row in job.clocks
    ]  # fmt: skip
    return Table("clocks", "Clocks", columns, tuple(rows), published=True)


def categories(job: Job, profiles: Sequence[Profile]) -> Table:
    """GPU (or CPU) time by category in ms, one column for each rank."""
    sums = [{row.name: row.total_ns for row in profile.categories} for profile in profiles]
    names = sorted({name for of in sums for name in of}, key=lambda name: -sum(of.get(name, 0) for of in sums))
    columns = (Column("category", "Category (ms)"),
               *(Column(f"rank_{row.rank}", f"rank {row.rank}", right=True) for row in job.ranks))  # fmt: skip
    rows = [Row((Name(clean(name), code=False), *(_ms(of.get(name, 0)) for of in sums))) for name in names]
    totals = Row((Name("Total", code=False), *(_ms(sum(of.values())) for of in sums)), foot=True)
    return Table("rank_categories", "Categories by rank", columns, (*rows, totals), published=True)


def every_table(job: Job, profiles: Sequence[Profile]) -> tuple[Table, ...]:
    return tuple(
        table
        for table in (
            ranks(job),
            causes(job),
            steady(job),
            collectives(job),
            late(job),
            categories(job, profiles),
            clocks(job),
        )
        if table.rows
    )


def op_words(label: str) -> str:
    """`aten::mm: ampere_sgemm_128x64_tn`, with a short kernel name."""
    op, mark, kernel = label.partition(": ")
    return f"{clean(op)}: {short(kernel)}" if mark else short(label)


def kind_words(kind: Kind) -> str:
    """`all_reduce 2 MiB bf16`"""
    return " ".join(filter(None, (kind.type, size(kind.bytes) if kind.bytes else "", clean(kind.dtype))))


def lacking_words(row: Lacking) -> str:
    edge = ", at the edge of its trace" if row.edge else ""
    group = f" of group {clean(row.kind.group, 40)}" if row.kind.group else ""
    return f"rank {row.rank} lacks {row.count:,} {kind_words(row.kind)}{group}{edge}"


def size(count: int) -> str:
    for unit, name in SIZES:
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} B"


def _ms(ns: int) -> Number:
    return Number(ns, ms(ns))


def _us(ns: int) -> Number:
    return Number(ns, f"{ns / 1e3:,.1f}")


def _between(low_ns: int, high_ns: int) -> str:
    return f"{low_ns / 1e3:,.1f} to {high_ns / 1e3:,.1f}"


def _bandwidth(gb_s: float) -> Number | None:
    return Number(gb_s, bandwidth(gb_s)) if gb_s else None
