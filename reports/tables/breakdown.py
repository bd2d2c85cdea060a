"""Tables of a trace's time by category, kernel, op, scope, layer, launch and stream, and of the changes between two
traces. The rows of every table add up to the same time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from harness.trace.categories import PUBLISHED, UNCATEGORISED
from harness.trace.difference import Change, Difference
from harness.trace.kernel_name import without_arguments
from harness.values.profile import CategoryRow, KernelRow, Profile

from ..figures import UNKNOWN, clean
from ..table import Column, Name, Number, Row, Table, Words
from .breakdown_places import devices, launches, processes, steps, streams
from .sums import Shorten, sum_row, sums_table, with_each

LISTS = ("kernel", "layer", "op", "scope", "launch", "stream", "device", "process", "step", "shape")
PLACES = {"stream": streams, "device": devices, "process": processes, "step": steps}
NAME_WIDTH = 52
NOISE = re.compile(
    r"\(anonymous namespace\)::|\bat::native::|\bc10::|\bstd::"
    r"|\{lambda\([^{}]*\)#\d+\}(::)?|operator\(\)\(\) const(::)?"
)
COMPUTES = re.compile(r"\w*(?:Functor(?:_\w+)?|Ops|_kernel_cuda|_kernel_impl|_kernel)\b")
GENERIC = {"BinaryFunctor", "UnaryFunctor", "BUnaryFunctor", "AUnaryFunctor", "elementwise_kernel", "reduce_kernel"}


def whole(name: str, op: str = "") -> str:
    return clean(name, 160)


def categories(profile: Profile) -> Table:
    """The six of the published table first, then the others, each longest first. Time that matched no rule comes
    last."""
    rows = sorted(profile.categories, key=_published_first)
    sums = [with_each((Name(clean(row.name), code=False),), row.calls, row.total_ns) for row in rows]
    unit = "GPU" if profile.device == "cuda" else "CPU"
    table = sums_table("categories", "Categories", ["Category"], sums, profile.gpu_sum_ns, f"% {unit}")
    calls = sum(row.calls for row in profile.categories)
    total = with_each((Name("Total", code=False),), calls, profile.gpu_sum_ns)
    table = replace(table, rows=(*table.rows, replace(sum_row(total, profile.gpu_sum_ns), share=None, foot=True)))
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
    """The same time by another key of `LISTS`, longest first."""
    if by == "kernel":
        what = "Kernel" if profile.device == "cuda" else "Op"
        names = [what, "Category", "Site or op"]
        sums = (with_each((Name(shorten(r.name, r.op), long=True), Words(clean(r.category)), _maybe(r.scope or r.op)),
                          r.calls, r.total_ns) for r in profile.kernels)  # fmt: skip
        return _with_spread(sums_table("kernels", f"{what}s", names, sums, profile.gpu_sum_ns), profile.kernels)
    if by in PLACES:
        return PLACES[by](profile)
    if by == "launch":
        return launches(profile, shorten)
    found = {"op": profile.ops, "scope": profile.scopes, "layer": profile.layers, "shape": profile.shapes}[by]
    sums = (with_each((Name(shorten(r.name, "") or "(none)"),), r.calls, r.total_ns) for r in found)
    return sums_table(f"{by}s", f"By {by}", [by.capitalize()], sums, profile.gpu_sum_ns)


def _with_spread(table: Table, kernels: Sequence[KernelRow]) -> Table:
    """Add the longest call, the median, and the distance between the quartiles beside the mean of a kernel's calls."""
    headings = ("longest", "median", "quartiles apart")
    columns = (*table.columns, *(Column(name.split()[0], name, right=True, extra=True) for name in headings))
    rows = []
    for row, kernel in zip(table.rows, kernels, strict=True):
        times = (kernel.longest_ns, kernel.median_ns, kernel.spread_ns)
        rows.append(replace(row, cells=(*row.cells, *(Number(ns, f"{ns / 1e3:,.2f}") for ns in times))))
    return replace(table, columns=columns, rows=tuple(rows))


def idle(profile: Profile) -> Table:
    """The idle time of each device by its cause. The span is from the first start to the last end on all devices."""
    of_device = [(device, row) for device in profile.devices for row in device.idle]
    sums = (with_each((Name(row.cause, code=False), Name(clean(device.device))), row.gaps, row.total_ns)
            for device, row in of_device)  # fmt: skip
    table = sums_table("idle", "Idle, of the span", ["Cause of idle time", "Device"], sums, profile.span_ns)
    return table if len(profile.devices) > 1 else table.without(["device"])


def _maybe(name: str) -> Name | None:
    return Name(clean(name)) if name else None


def changed_categories(changed: Difference) -> Table:
    """The contribution of each category to the difference."""
    return _changes("change_categories", "Categories", "Category", changed.categories, whole)


def changed_kernels(changed: Difference, what: str = "Kernel", shorten: Shorten = whole) -> Table:
    """Kernels by their contribution to the difference; unchanged kernels are left out."""
    moved = [change for change in changed.kernels if change.delta_ns or change.state != "same"]
    return _changes("change_kernels", f"{what}s", what, moved, shorten)


def changed_by(changed: Difference, by: str, shorten: Shorten = whole) -> Table:
    """Ops or scopes by their contribution to the difference; unchanged ones are left out."""
    found = [change for change in getattr(changed, f"{by}s") if change.delta_ns or change.state != "same"]
    named = [msgspec.structs.replace(change, name=change.name or "(none)") for change in found]
    return _changes(f"change_{by}s", f"By {by}", by.capitalize(), named, shorten)


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
    """The distinctive part of a kernel's name, without arguments and namespaces.

    A long name keeps its two ends. A template of ATen keeps its functor, or the op that launched it.
    """
    name = clean(NOISE.sub("", without_arguments(name)), 10_000)
    if len(name) <= NAME_WIDTH:
        return name
    function, bracket, rest = name.partition("<")
    computes = [word for word in COMPUTES.findall(rest) if word not in GENERIC and word not in function]
    what = computes[-1] if computes else op if "elementwise" in function or "reduce" in function else ""
    if bracket and what and len(function) + len(what) < NAME_WIDTH - 6:
        return f"{function}<… {what} …>"
    return f"{name[: NAME_WIDTH // 2]}…{name[-NAME_WIDTH // 2 + 1 :]}"
