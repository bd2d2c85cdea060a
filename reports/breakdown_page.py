"""Breakdowns of traces as one HTML file, and what changed between two: every table adds up to the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.trace.categories import PUBLISHED, UNCATEGORISED
from harness.trace.difference import Change, Difference
from harness.values.profile import CategoryRow, Profile, SumRow

from . import figures
from .figures import clean
from .html_frame import page

MOST_ROWS = 200
"""Of one table: a page that a browser opens at once. What is left out is one row with its sum."""


@dataclass(frozen=True)
class Cell:
    """A number as it is shown, and what it is sorted by."""

    text: str
    value: float


@dataclass(frozen=True)
class Row:
    """names: texts, the first is the row's head. share: of the whole, 0 to 1, for its bar; None draws none."""

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    share: float | None = None


@dataclass(frozen=True)
class Table:
    anchor: str
    title: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: tuple[Row, ...]
    left_out: str = ""


@dataclass(frozen=True)
class Trace:
    """anchor: of its section. remarks: what is to be known about the data."""

    anchor: str
    title: str
    facts: tuple[str, ...]
    tables: tuple[Table, ...]
    remarks: tuple[str, ...]


def render(titles: Sequence[str], profiles: Sequence[Profile], changed: Difference | None = None) -> str:
    """The page as text. titles: of each trace. changed: from the first of two traces to the second."""
    traces = [_trace(f"trace-{n}", clean(title), p) for n, (title, p) in enumerate(zip(titles, profiles, strict=True))]
    sections = [(trace.anchor, trace.title) for trace in traces]
    difference = _difference(changed) if changed else ()
    if difference:
        sections.insert(0, ("difference", "Difference"))
    return page(
        "breakdown.html.j2",
        {},
        heading=" and ".join(trace.title for trace in traces[:2]) + (" and others" if len(traces) > 2 else ""),
        sections=sections if len(sections) > 1 else [(table.anchor, table.title) for table in traces[0].tables],
        traces=traces,
        difference=difference,
        change=_change_sentence(changed) if changed else "",
    )


def _trace(anchor: str, title: str, profile: Profile) -> Trace:
    return Trace(anchor, title, tuple(_facts(profile)), tuple(_tables(anchor, profile)), tuple(_remarks(profile)))


def _facts(profile: Profile) -> Iterator[str]:
    yield "GPU time" if profile.device == "cuda" else "CPU self time of ops: the trace has no GPU rows"
    yield f"sum {_ms(profile.gpu_sum_ns)} ms"
    share = f", {figures.percent(profile.gpu_busy_ns / profile.span_ns)}" if profile.span_ns else ""
    yield f"busy {_ms(profile.gpu_busy_ns)} ms of {_ms(profile.span_ns)} ms{share}"
    if profile.kernel_count:
        yield f"{figures.plural(profile.kernel_count, 'kernel')}, {_ms(profile.kernel_sum_ns)} ms"
    if profile.steps:
        yield figures.plural(profile.steps, "step")
    yield figures.plural(profile.events, "event")


def _tables(anchor: str, profile: Profile) -> Iterator[Table]:
    def table(kind: str, title: str, names: tuple[str, ...], rows: Sequence[Row], last: str = "us each") -> Table:
        left = rows[MOST_ROWS:]
        ns = sum(row.cells[0].value for row in left)
        left_out = f"{figures.plural(len(left), 'more row')}, together {_ms(round(ns))} ms" if left else ""
        numbers = ("Total (ms)", "%", "Calls", last)
        return Table(f"{anchor}-{kind}", title, names, numbers, tuple(rows[:MOST_ROWS]), left_out)

    row = _row_of(profile)
    what = "Kernel" if profile.device == "cuda" else "Op"
    categories = [row((r.name,), r.calls, r.total_ns) for r in sorted(profile.categories, key=_published_first)]
    yield table("categories", "Categories", ("Category",), categories)
    kernels = [row((r.name, r.category, r.scope or r.op), r.calls, r.total_ns) for r in profile.kernels]
    yield table("kernels", f"{what}s", (what, "Category", "Site or op"), kernels)
    sums: tuple[tuple[str, str, tuple[SumRow, ...]], ...] = (
        ("layers", "Layer", profile.layers), ("ops", "Op", profile.ops), ("scopes", "Scope", profile.scopes),
    )  # fmt: skip
    for kind, name, found in sums:
        if found:
            rows = [row((r.name or "(none)",), r.calls, r.total_ns) for r in found]
            yield table(kind, f"By {name.lower()}", (name,), rows)
    if profile.launches:
        rows = [row((r.name or "(before the trace, or lost)",), r.calls, r.total_ns) for r in profile.launches]
        yield table("launches", "By launch", ("Launch",), rows)
    if profile.streams:
        rows = [row((r.device, r.stream), r.calls, r.total_ns, r.busy_ns) for r in profile.streams]
        yield table("streams", "By stream", ("Device", "Stream"), rows, "Busy (ms)")
    if profile.idle:
        rows = [row((r.cause,), r.gaps, r.total_ns, whole=profile.span_ns) for r in profile.idle]
        yield table("idle", "Idle, of the span", ("What the GPU waited for",), rows)


def _row_of(profile: Profile) -> Callable[..., Row]:
    def row(names: tuple[str, ...], calls: int, ns: int, busy_ns: int | None = None, whole: int | None = None) -> Row:
        of = profile.gpu_sum_ns if whole is None else whole
        share = ns / of if of else None
        each = ns / calls / 1e3 if calls else 0.0
        last = Cell(_ms(busy_ns), busy_ns) if busy_ns is not None else Cell(figures.grouped(each, 2), each)
        cells = (Cell(_ms(ns), ns), Cell(figures.percent(share), share or 0), Cell(f"{calls:,}", calls), last)
        return Row(tuple(clean(name, 160) for name in names), cells, share)

    return row


def _published_first(row: CategoryRow) -> tuple[bool, bool, int, str]:
    return row.name == UNCATEGORISED, row.name not in PUBLISHED, -row.total_ns, row.name


def _remarks(profile: Profile) -> Iterator[str]:
    if profile.gpu_sum_ns:
        share = figures.percent(profile.uncategorised_ns / profile.gpu_sum_ns)
        yield f"No rule matched {_ms(profile.uncategorised_ns)} ms, {share}."
    if profile.kernel_sum_ns:
        yield f"{figures.percent(profile.attributed_ns / profile.kernel_sum_ns)} of kernel time has an op or scope."
    if profile.replayed_ns:
        share = figures.percent(profile.mapped_ns / profile.replayed_ns)
        yield f"{share} of the time of replayed steps was mapped back to the ops that were captured."
    for name, count in profile.data_quality.items():
        yield f"Data quality: {clean(name).replace('_', ' ')}, {count:,}."


def _change_sentence(changed: Difference) -> str:
    ratio = f", {100 * changed.delta_ns / changed.base_ns:+.1f} %" if changed.base_ns else ""
    return f"{_ms(changed.base_ns)} to {_ms(changed.head_ns)} ms: {_signed(changed.delta_ns)} ms{ratio}."


def _difference(changed: Difference) -> tuple[Table, ...]:
    moved = [change for change in changed.kernels if change.delta_ns or change.state != "same"]
    left = moved[MOST_ROWS:]
    rest = f"{len(left):,} more, together {_signed(sum(change.delta_ns for change in left))} ms" if left else ""
    numbers = ("Change (ms)", "by calls", "by time each", "Calls before", "Calls after")
    return (
        Table("change-categories", "Categories", ("Category",), numbers, tuple(map(_change, changed.categories))),
        Table(
            "change-kernels", "Kernels", ("Kernel", ""), numbers, tuple(map(_changed_kernel, moved[:MOST_ROWS])), rest
        ),
    )


def _change(change: Change) -> Row:
    times = (change.delta_ns, change.calls_ns, change.each_ns)
    calls = (change.base_calls, change.head_calls)
    cells = (*(Cell(_signed(ns), ns) for ns in times), *(Cell(f"{count:,}", count) for count in calls))
    return Row((clean(change.name, 160),), cells)


def _changed_kernel(change: Change) -> Row:
    row = _change(change)
    state = "" if change.state == "same" else change.state
    return Row((*row.names, f"{state} {clean(change.head_name, 160)}".strip()), row.cells)


def _ms(ns: int) -> str:
    return f"{ns / 1e6:,.3f}"


def _signed(ns: int) -> str:
    return f"{ns / 1e6:+,.3f}" if ns else "0"
