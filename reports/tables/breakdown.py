"""Where the time of a trace went, by category, kernel, op, scope, layer, launch and stream, and what changed between
two traces. The rows of every table add up to the same time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from harness.trace.categories import PUBLISHED, UNCATEGORISED, without_arguments
from harness.trace.difference import Change, Difference
from harness.values.profile import CategoryRow, Profile

from ..figures import UNKNOWN, clean
from ..figures import milliseconds as ms
from ..table import Cell, Column, Name, Number, Row, Table, Words

LISTS = ("kernel", "layer", "op", "scope", "launch", "stream")
NAME_WIDTH = 52
NOISE = re.compile(
    r"\(anonymous namespace\)::|\bat::native::|\bc10::|\bstd::"
    r"|\{lambda\([^{}]*\)#\d+\}(::)?|operator\(\)\(\) const(::)?"
)
COMPUTES = re.compile(r"\w*(?:Functor(?:_\w+)?|Ops|_kernel_cuda|_kernel_impl|_kernel)\b")
GENERIC = {"BinaryFunctor", "UnaryFunctor", "BUnaryFunctor", "AUnaryFunctor", "elementwise_kernel", "reduce_kernel"}

Shorten = Callable[[str, str], str]
"""Of a kernel's name and the op that launched it, what is shown."""


Sum = tuple[tuple[Cell, ...], int, int, Number | None]
"""Of a row its names, how often, how many ns, and what stands in its last column."""


def whole(name: str, op: str = "") -> str:
    return clean(name, 160)


def categories(profile: Profile) -> Table:
    """The six of the published table first, then the others, each longest first; what matched no rule last."""
    rows = sorted(profile.categories, key=_published_first)
    sums = [_sum((Name(clean(row.name), code=False),), row.calls, row.total_ns) for row in rows]
    unit = "GPU" if profile.device == "cuda" else "CPU"
    table = _table("categories", "Categories", ["Category"], sums, profile.gpu_sum_ns, f"% {unit}")
    calls = sum(row.calls for row in profile.categories)
    total = _sum((Name("Total", code=False),), calls, profile.gpu_sum_ns)
    table = replace(table, rows=(*table.rows, replace(_row(total, profile.gpu_sum_ns), share=None, foot=True)))
    return _per_step(table, profile.steps) if profile.steps else table


def _published_first(row: CategoryRow) -> tuple[bool, bool, int, str]:
    return row.name == UNCATEGORISED, row.name not in PUBLISHED, -row.total_ns, row.name


def _per_step(table: Table, steps: int) -> Table:
    place = next(place for place, column in enumerate(table.columns) if column.key == "total_ns")
    us = [float(cell.value) / 1e3 / steps for row in table.rows if isinstance(cell := row.cells[place], Number)]
    rows = (replace(row, cells=(*row.cells, Number(x, f"{x:,.2f}"))) for row, x in zip(table.rows, us, strict=True))
    columns = (*table.columns, Column("step_us", "us per step", right=True))
    return replace(table, columns=columns, rows=tuple(rows))


def listed(profile: Profile, by: str, shorten: Shorten = whole) -> Table:
    """The same time by another word of `LISTS`, longest first."""

    def table(kind: str, title: str, names: Sequence[str], rows: Iterable[Sum], last: str = "us each") -> Table:
        return _table(kind, title, names, rows, profile.gpu_sum_ns, last=last)

    if by == "kernel":
        what = "Kernel" if profile.device == "cuda" else "Op"
        sums = (_sum((Name(shorten(r.name, r.op), long=True), Words(clean(r.category)), _maybe(r.scope or r.op)),
                     r.calls, r.total_ns) for r in profile.kernels)  # fmt: skip
        return table("kernels", f"{what}s", [what, "Category", "Site or op"], sums)
    if by == "stream":
        sums = (
            ((Name(clean(r.device)), Name(clean(r.stream))), r.calls, r.total_ns, Number(r.busy_ns, ms(r.busy_ns)))
            for r in profile.streams
        )
        return table("streams", "By stream", ["Device", "Stream"], sums, "Busy (ms)")
    if by == "launch":
        sums = (
            ((Name(shorten(r.name, "") or "(before the trace, or lost)"),), r.calls, r.total_ns,
                Number(r.launches, f"{r.launches:,}"))
            for r in profile.launches
        )  # fmt: skip
        return table("launches", "By launch", ["Launch"], sums, "Calls of it")
    found = {"op": profile.ops, "scope": profile.scopes, "layer": profile.layers}[by]
    sums = (_sum((Name(shorten(r.name, "") or "(none)"),), r.calls, r.total_ns) for r in found)
    return table(f"{by}s", f"By {by}", [by.capitalize()], sums)


def idle(profile: Profile) -> Table:
    """What the GPU waited for, of the span from the first start to the last end."""
    sums = (_sum((Name(row.cause, code=False),), row.gaps, row.total_ns) for row in profile.idle)
    return _table("idle", "Idle, of the span", ["What the GPU waited for"], sums, profile.span_ns)


def _maybe(name: str) -> Name | None:
    return Name(clean(name)) if name else None


def _sum(names: tuple[Cell, ...], calls: int, ns: int) -> Sum:
    each = ns / calls / 1e3 if calls else None
    return names, calls, ns, None if each is None else Number(each, f"{each:,.2f}")


def _table(
    kind: str, title: str, names: Sequence[str], rows: Iterable[Sum], whole_ns: int, share: str = "%",
    last: str = "us each",
) -> Table:  # fmt: skip
    columns = (
        *(Column(name.lower().replace(" ", "_"), name, extra=place > 1) for place, name in enumerate(names)),
        Column("total_ns", "Total (ms)", right=True),
        Column("share", share, right=True),
        Column("calls", "Calls", right=True),
        Column("last", last, right=True, extra=True),
    )
    return Table(kind, title, columns, tuple(_row(row, whole_ns) for row in rows), published=True)


def _row(found: Sum, whole_ns: int) -> Row:
    names, calls, ns, last = found
    share = ns / whole_ns if whole_ns else None
    part = None if share is None else Number(share, f"{100 * share:.1f}")
    return Row((*names, Number(ns, ms(ns)), part, Number(calls, f"{calls:,}"), last), share=share)


def changed_categories(changed: Difference) -> Table:
    """What each category adds to the difference."""
    return _changes("change_categories", "Categories", "Category", changed.categories, whole)


def changed_kernels(changed: Difference, what: str = "Kernel", shorten: Shorten = whole) -> Table:
    """Kernels by what they add to the difference; those that are the same are left out."""
    moved = [change for change in changed.kernels if change.delta_ns or change.state != "same"]
    return _changes("change_kernels", f"{what}s", what, moved, shorten)


def _changes(kind: str, title: str, what: str, changes: Sequence[Change], shorten: Shorten) -> Table:
    columns = (
        Column(what.lower(), what), Column("state", "", sparse=True), Column("delta_ns", "Change (ms)", right=True),
        Column("calls_ns", "by calls", right=True), Column("each_ns", "by time each", right=True),
        Column("calls", "Calls", right=True, extra=True), Column("us", "us each", right=True, extra=True),
    )  # fmt: skip
    rows = []
    for change in changes:
        name = shorten(change.name, "")
        name += f" -> {shorten(change.head_name, '')}" if change.state == "renamed" else ""
        times = (change.delta_ns, change.calls_ns, change.each_ns)
        calls = _arrow(f"{change.base_calls:,}", f"{change.head_calls:,}")
        each = _arrow(_each(change.base_ns, change.base_calls), _each(change.head_ns, change.head_calls))
        state = Words(change.state) if change.state != "same" else None
        numbers = (Number(ns, signed_ms(ns)) for ns in times)
        rows.append(Row((Name(name, long=True), state, *numbers, Words(calls), Words(each))))
    return Table(kind, title, columns, tuple(rows), published=True)


def _each(ns: int, calls: int) -> str:
    return f"{ns / calls / 1e3:,.2f}" if calls else UNKNOWN


def _arrow(base: str, head: str) -> str:
    return base if base == head else f"{base} -> {head}"


def signed_ms(ns: int) -> str:
    return f"{ns / 1e6:+,.3f}" if ns else "0"


def short(name: str, op: str = "") -> str:
    """What tells a kernel from others: without arguments and namespaces; of a long name its two ends, of a template
    of ATen what it computes, or the op that launched it."""
    name = clean(NOISE.sub("", without_arguments(name)), 10_000)
    if len(name) <= NAME_WIDTH:
        return name
    function, bracket, rest = name.partition("<")
    computes = [word for word in COMPUTES.findall(rest) if word not in GENERIC and word not in function]
    what = computes[-1] if computes else op if "elementwise" in function or "reduce" in function else ""
    if bracket and what and len(function) + len(what) < NAME_WIDTH - 6:
        return f"{function}<… {what} …>"
    return f"{name[: NAME_WIDTH // 2]}…{name[-NAME_WIDTH // 2 + 1 :]}"
