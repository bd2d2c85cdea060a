"""Stored runs, and the history of cases over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.compare.history import CaseHistory, Moment
from harness.stats import estimate
from harness.values.attempt import Attempt
from harness.values.environment import short_commit
from harness.values.estimate import Ratio
from harness.values.summary import Summary
from harness.values.verdict import MOST_FILES

from ..charts.small_charts import spark_svg, strip_svg
from ..figures import clean, number, percent, ratio_full
from ..table import Cell, Column, Mark, Name, Number, Picture, Quantity, Row, Table, Words
from ..views.history_view import Trend
from ..views.samples_view import Strip

NOTE = 48
"""Characters of a note in the list of runs; a comparison notes the changed files."""
SCALES = (
    "Oldest run on the left, each line on a scale of its own from zero; a gap is where the machine or its software"
    " changed."
)


def trends(found: Sequence[Trend], hrefs: Sequence[str] = ()) -> Table:
    """One row for each case. hrefs: the address of a page for each."""
    columns = (
        Column("case", "Case"), Column("suite", "Suite"), Column("arm", "Arm"), Column("trend", "Over runs"),
        Column("runs", "Runs", right=True), Column("first", "First", right=True), Column("last", "Last", right=True),
        Column("unit", "Unit"), Column("change", "Change"),
    )  # fmt: skip
    rows = []
    for place, trend in enumerate(found):
        first, last, count = trend.points[trend.since].time, trend.points[-1].time, len(trend.points)
        cells: tuple[Cell, ...] = (
            Name(trend.name, long=True, code=False, href=hrefs[place] if hrefs else ""), Words(trend.suite),
            Name(trend.arm), Picture(spark_svg(trend), place + 1), Number(count, str(count)), Quantity(first),
            Quantity(last), Words(trend.unit, "nowrap"), _change(trend),
        )  # fmt: skip
        rows.append(Row(cells))
    caption = f"{SCALES} Change: from the first run under the present conditions to the last; it is no verdict."
    return Table("trends", "Every case over runs", columns, tuple(rows), caption)


def _change(trend: Trend) -> Number | None:
    """The last against the first point under the present conditions. It is no verdict, because the runs are far apart
    in time."""
    first, last = trend.points[trend.since].time, trend.points[-1].time
    if first is last:
        return None
    ratio = Ratio(last.value / first.value, last.low / first.high, last.high / first.low, last.confidence, last.n, "")
    return Number(ratio.value, ratio_full(ratio))


def points(trend: Trend, hrefs: Mapping[str, str] = {}) -> Table:
    """One case, the newest run first. hrefs: the address of a run's page, by its id."""
    columns = (
        Column("run", "Run"), Column("started", "Started, UTC"), Column("commit", "Commit"),
        Column("time_us", trend.unit, right=True), Column("n", "n", right=True),
        Column("changed", "Changes before it"),
    )  # fmt: skip
    rows = []
    for point in reversed(trend.points):
        n, changed = point.time.n, "; ".join(point.changed)
        units = "processes" if point.time.level == "process" else "samples"
        commit = Name(point.commit, mono=True) if point.commit else None
        rows.append(Row((
            Name(point.run, href=hrefs.get(point.run, "")), Words(point.started, "nowrap"), commit,
            Quantity(point.time), Number(n, f"{n} {units}"), Words(changed, "wide") if changed else None,
        )))  # fmt: skip
    caption = "Newest first. Values on both sides of a change of conditions are not comparable."
    return Table("points", "Runs of this case", columns, tuple(rows), caption)


def stored(summaries: Sequence[Summary]) -> Table:
    """The runs of a store. Devices and tags have columns only if they tell runs apart."""
    devices, tagged = {s.device for s in summaries}, any(s.tags for s in summaries)
    columns = (
        Column("run", "Run"), Column("started", "Started, UTC"), Column("suite", "Suite"), Column("state", "State"),
        Column("cases", "Cases"), Column("note", "Note"), Column("device", "Device", extra=True),
        Column("tags", "Tags", extra=True),
    )  # fmt: skip
    rows = tuple(
        Row((
            Name(s.id), Name(s.started[:16].replace("T", " ")), Name(clean(s.suite)), Name(s.state), Name(_count(s)),
            Words(clean(s.note, NOTE)), Words(clean(s.device)), Words(clean(" ".join(s.tags))),
        ))
        for s in summaries
    )  # fmt: skip
    one = len(devices) == 1
    notes = (f"all on {clean(next(iter(devices)))}",) if one else ()
    left = [*(["device"] if one else []), *([] if tagged else ["tags"])]
    return Table("stored", "Stored runs", columns, rows, notes=notes).without(left)


def _count(found: Summary) -> str:
    """The number of cases, and the progress of a run that was ended early. A sweep chooses its cases as it goes, so its
    confirmed ones count."""
    if not found.cases:
        return str(found.measured)
    return str(found.cases) if found.state == "complete" else f"{found.measured} of {found.cases}"


def moments(found: CaseHistory) -> Table:
    """A case on one machine over runs and commits. An unchanged answer is not repeated."""
    columns = (
        Column("run", "Run", right=True), Column("started", "Started, UTC"), Column("commit", "Commit"),
        Column("time_us", f"{found.unit}, interval", right=True, ends=True), Column("words", ""),
    )  # fmt: skip
    rows = []
    for before, moment in zip((None, *found.moments), found.moments, strict=False):
        commit = short_commit(moment.commit, 9)
        time = Quantity(moment.time) if moment.time else Mark(moment.status)
        started = Name(moment.started[:16].replace("T", " "))
        rows.append(Row((Name(moment.run), started, Name(commit), time, Words(" · ".join(_said(moment, before))))))
    title = " · ".join(filter(None, (found.case, found.suite, clean(found.moments[0].machine))))
    return Table("moments", title, columns, tuple(rows))


def _said(moment: Moment, before: Moment | None) -> Iterator[str]:
    answer = "" if before and before.answer == moment.answer else moment.answer
    yield from filter(None, (answer, moment.tree, moment.reason))
    if time := moment.time:
        noise = "" if time.noise == "measured" else f", noise {time.noise}"
        units = "processes" if time.level == "process" else "samples"
        yield f"{100 * time.confidence:.3g} % of {time.n} {units}{noise}"
    if moment.code == "changed":
        more = f" and {len(moment.files) - MOST_FILES} more" if len(moment.files) > MOST_FILES else ""
        yield f"code changed: {', '.join(map(clean, moment.files[:MOST_FILES]))}{more}"
    elif moment.code:
        yield {"same": "same code", "asked otherwise": "other tunables, sizes or weights"}[moment.code]
    if moment.changed:
        yield f"not to be compared with the one before: {'; '.join(moment.changed)}"


def attempts(found: Sequence[Attempt]) -> Table:
    """Attempts, in the order of the store."""
    columns = (
        Column("try", "Try"), Column("started", "Started, UTC"), Column("status", "Status"),
        Column("us", "us", right=True), Column("question", "Question"), Column("tunables", "Tunables", extra=True),
        Column("labels", "Note", extra=True),
    )  # fmt: skip
    rows = []
    for attempt in found:
        m, time = attempt.measurement, estimate(attempt.measurement.samples)
        tunables = m.case.answer.tunables if m.case.answer else {}
        rows.append(Row((
            Name(f"try:{attempt.number}"), Name(attempt.started[:16].replace("T", " ")), Mark(m.status.value),
            Quantity(time) if time else None, Name(m.case.question, long=True),
            Words(", ".join(f"{name}={value}" for name, value in tunables.items())),
            Words(" · ".join((*attempt.tags, *([f'"{attempt.note}"'] if attempt.note else [])))),
        )))  # fmt: skip
    return Table("attempts", "Attempts", columns, tuple(rows))


def samples(found: Sequence[Strip]) -> Table:
    """Every raw sample of a run."""
    columns = (
        Column("case", "Case"), Column("arm", "Arm"), Column("low", "Least", right=True), Column("strip", "Samples"),
        Column("high", "Largest", right=True), Column("unit", "Unit"), Column("count", "Count", right=True),
        Column("spread", "Spread", right=True),
    )  # fmt: skip
    rows = tuple(
        Row((
            Name(s.name, long=True, code=False), Name(s.arm), Number(s.low, number(s.low, 4)),
            Picture(strip_svg(s), place + 1), Number(s.high, number(s.high, 4)), Words(s.unit, "nowrap"),
            Number(s.count, str(s.count)), Number(s.spread, percent(s.spread)),
        ))
        for place, s in enumerate(found)
    )  # fmt: skip
    caption = (
        "Nothing is trimmed. Each mark is a sample, a row of marks for each process; the scale of a strip goes from its"
        " own least to its own largest value, not from zero."
    )
    return Table("samples", "Raw samples of every case", columns, rows, caption)
