"""A breakdown on the terminal, in the published layout: Category, Total (ms), % GPU."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.trace.categories import PUBLISHED, UNCATEGORISED, without_arguments
from harness.trace.difference import Change, Difference
from harness.values.profile import CategoryRow, Profile

NAME_WIDTH = 52
NOISE = re.compile(
    r"\(anonymous namespace\)::|\bat::native::|\bc10::|\bstd::"
    r"|\{lambda\([^{}]*\)#\d+\}(::)?|operator\(\)\(\) const(::)?"
)
COMPUTES = re.compile(r"\w*(?:Functor(?:_\w+)?|Ops|_kernel_cuda|_kernel_impl|_kernel)\b")
GENERIC = {"BinaryFunctor", "UnaryFunctor", "BUnaryFunctor", "AUnaryFunctor", "elementwise_kernel", "reduce_kernel"}


def render(title: str, profile: Profile, by: str = "kernel", top: int = 12) -> RenderableType:
    """Headline, categories, the longest kernels (ops, scopes, ...), and what is to be known about the data."""
    parts: list[RenderableType] = [*_headline(title, profile), _categories(profile)]
    if top:
        parts.append(_second(profile, by, top))
    parts += [Text(line) for line in _remarks(profile)]
    return Group(*parts, Text())


def _headline(title: str, profile: Profile) -> list[Text]:
    what = "GPU time"
    if profile.device == "cpu":
        what = "CPU self time of ops (the trace has no GPU rows)"
    elif len(profile.streams) > 1:
        what += f" of {_n(len(profile.streams), 'stream')} on {_n(len(profile.devices), 'device')}"
    share = f" ({100 * profile.gpu_busy_ns / profile.span_ns:.1f} %)" if profile.span_ns else ""
    times = f"sum {_ms(profile.gpu_sum_ns)} ms · busy {_ms(profile.gpu_busy_ns)} ms of {_ms(profile.span_ns)} ms{share}"
    if profile.kernel_count:
        times += f" · {_n(profile.kernel_count, 'kernel')} {_ms(profile.kernel_sum_ns)} ms"
    return [Text(f"{_clean(title)} · {what} · {_n(profile.events, 'event')}"), Text(times)]


def in_order(rows: Iterable[CategoryRow]) -> list[CategoryRow]:
    """The six of the published table first, then the others, each longest first; what matched no rule last."""
    return sorted(rows, key=lambda row: (row.name == UNCATEGORISED, row.name not in PUBLISHED, -row.total_ns, row.name))


def _categories(profile: Profile) -> Table:
    per_step = profile.steps > 0
    share = "% GPU" if profile.device == "cuda" else "% CPU"
    table = _table(["Category"], ["Total (ms)", share, "Calls", *(["us per step"] if per_step else [])])
    for row in in_order(profile.categories):
        step = [f"{row.total_ns / 1e3 / profile.steps:,.2f}"] if per_step else []
        cells = [row.name, _ms(row.total_ns), _percent(row.total_ns, profile.gpu_sum_ns), f"{row.calls:,}", *step]
        table.add_row(*(Text(_clean(cell)) for cell in cells), end_section=row.name == _last_published(profile))
    total = [f"{profile.gpu_sum_ns / 1e3 / profile.steps:,.2f}"] if per_step else []
    calls = f"{sum(row.calls for row in profile.categories):,}"
    table.add_section()
    table.add_row("Total", _ms(profile.gpu_sum_ns), _percent(profile.gpu_sum_ns, profile.gpu_sum_ns), calls, *total)
    return table


def _last_published(profile: Profile) -> str:
    names = [row.name for row in in_order(profile.categories) if row.name in PUBLISHED]
    return names[-1] if names else ""


def _second(profile: Profile, by: str, top: int) -> RenderableType:
    each = "us each"
    if by == "kernel":
        head = ["Kernel" if profile.device == "cuda" else "Op", "Category", *(["Site"] if profile.layers else [])]
        rows = [[_short(r.name, r.op), r.category, *([r.scope] if profile.layers else [])] for r in profile.kernels]
        numbers = [_sums(r.calls, r.total_ns, profile) for r in profile.kernels]
    elif by == "stream":
        head, each = ["Device", "Stream"], "Busy (ms)"
        rows = [[r.device, r.stream] for r in profile.streams]
        numbers = [[*_sums(r.calls, r.total_ns, profile)[:3], _ms(r.busy_ns)] for r in profile.streams]
    elif by == "launch":
        head, each = ["Launch"], "Calls of it"
        rows = [[r.name or "(before the trace, or lost)"] for r in profile.launches]
        numbers = [[*_sums(r.calls, r.total_ns, profile)[:3], f"{r.launches:,}"] for r in profile.launches]
    else:
        head = [by.capitalize()]
        sums = {"op": profile.ops, "scope": profile.scopes, "layer": profile.layers}[by]
        rows = [[_short(r.name or "(none)")] for r in sums]
        numbers = [_sums(r.calls, r.total_ns, profile) for r in sums]
    if not rows:
        return Text(f"The trace has nothing to list by {by}.")
    table = _table(head, ["Total (ms)", "%", "Calls", each])
    for names, values in zip(rows[:top], numbers[:top], strict=True):
        table.add_row(*(Text(_clean(cell)) for cell in (*names, *values)))
    return _with_rest(table, len(rows) - top)


def _remarks(profile: Profile) -> Iterable[str]:
    if profile.gpu_sum_ns:
        uncategorised = profile.uncategorised_ns
        yield f"uncategorised  {_ms(uncategorised)} ms, {_percent(uncategorised, profile.gpu_sum_ns)} %"
    if profile.kernel_count:
        of_launched = _percent(profile.attributed_ns, profile.launched_ns) if profile.launched_ns else "-"
        yield (
            f"attributed     {_percent(profile.attributed_ns, profile.kernel_sum_ns)} % of kernel time to an op or"
            f" scope, {of_launched} % of what has its launch in the trace"
        )
    if profile.replayed_ns:
        mapped = _percent(profile.mapped_ns, profile.replayed_ns)
        yield f"replayed       {mapped} % of the time of replayed steps mapped back to the ops that were captured"
    for idle in profile.idle:
        yield f"idle           {_ms(idle.total_ns)} ms in {_n(idle.gaps, 'gap')}, {idle.cause}"
    for name, count in profile.data_quality.items():
        yield f"data quality   {_clean(name).replace('_', ' ')}: {count:,}"


def render_difference(changed: Difference, base: Profile, top: int = 12) -> RenderableType:
    """Categories and kernels by what they add to the difference."""
    ratio = f" ({100 * changed.delta_ns / changed.base_ns:+.1f} %)" if changed.base_ns else ""
    line = f"difference     {_signed(changed.delta_ns)} ms{ratio}: {_ms(changed.base_ns)} -> {_ms(changed.head_ns)} ms"
    moved = [change for change in changed.kernels if change.delta_ns or change.state != "same"]
    parts: list[RenderableType] = [Text(line)]
    if changed.categories:
        parts.append(_changes("Category", changed.categories))
    if moved and top:
        parts.append(_changes("Kernel" if base.device == "cuda" else "Op", moved[:top], len(moved) - top))
    return Group(*parts)


def _changes(kind: str, changes: Sequence[Change], left_out: int = 0) -> RenderableType:
    table = _table([kind, ""], ["Change (ms)", "by calls", "by time each", "Calls", "us each"])
    for change in changes:
        name = _short(change.name) + (f" -> {_short(change.head_name)}" if change.state == "renamed" else "")
        cells = [
            name,
            "" if change.state == "same" else change.state,
            *(_signed(ns) for ns in (change.delta_ns, change.calls_ns, change.each_ns)),
            _arrow(f"{change.base_calls:,}", f"{change.head_calls:,}"),
            _arrow(_each(change.base_ns, change.base_calls), _each(change.head_ns, change.head_calls)),
        ]
        table.add_row(*(Text(_clean(cell)) for cell in cells))
    return _with_rest(table, left_out)


def _with_rest(table: Table, left_out: int) -> RenderableType:
    return Group(table, Text(f" and {left_out:,} more (--top)\n")) if left_out > 0 else table


def _table(names: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _sums(calls: int, total_ns: int, profile: Profile) -> list[str]:
    return [_ms(total_ns), _percent(total_ns, profile.gpu_sum_ns), f"{calls:,}", _each(total_ns, calls)]


def _each(total_ns: int, calls: int) -> str:
    return f"{total_ns / calls / 1e3:,.2f}" if calls else "-"


def _arrow(base: str, head: str) -> str:
    return base if base == head else f"{base} -> {head}"


def _ms(ns: int) -> str:
    return f"{ns / 1e6:,.3f}"


def _signed(ns: int) -> str:
    return f"{ns / 1e6:+,.3f}" if ns else "0"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _short(name: str, op: str = "") -> str:
    """What tells a kernel from others: without arguments and namespaces; of a long name its two ends, of a template
    of ATen what it computes, or the op that launched it."""
    name = NOISE.sub("", without_arguments(name))
    if len(name) <= NAME_WIDTH:
        return name
    function, bracket, rest = name.partition("<")
    computes = [word for word in COMPUTES.findall(rest) if word not in GENERIC and word not in function]
    what = computes[-1] if computes else op if "elementwise" in function or "reduce" in function else ""
    if bracket and what and len(function) + len(what) < NAME_WIDTH - 6:
        return f"{function}<… {what} …>"
    return f"{name[: NAME_WIDTH // 2]}…{name[-NAME_WIDTH // 2 + 1 :]}"


def _clean(text: str) -> str:
    """Without control characters, with which a name in a trace could steer a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
