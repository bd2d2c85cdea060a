"""A breakdown in words, and on the terminal in the published layout: Category, Total (ms), % GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.trace.difference import Difference
from harness.values.profile import Profile

from ..figures import clean, plural
from ..figures import milliseconds as ms
from ..table import Table
from ..tables.breakdown import categories, changed_by, changed_categories, changed_kernels, listed, short, signed_ms
from ..tables.breakdown_doubts import NO_NAMESPACE

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_NAMED = 4
"""Most namespaces named on one line."""


def render(title: str, profile: Profile, by: str = "kernel", top: int = 12) -> RenderableType:
    """Render headline, categories, the longest kernels (ops, scopes, ...), and remarks on the data."""
    from rich.console import Group
    from rich.text import Text

    from ..formats.terminal_table import Shown

    kind, *totals = facts(profile)
    head = [f"{clean(title)} · {kind} · {plural(profile.events, 'event')}", " · ".join(totals)]
    parts: list[RenderableType] = [Text(line) for line in head]
    parts += ["", Shown(categories(profile).without(["last"]))]
    if top:
        second = listed(profile, by, short)
        shown = second if profile.layers else second.without(["site_or_op"])
        nothing = Text(f"The trace has nothing to list by {by}.")
        parts += ["", Shown(_top(shown, top)) if second.rows else nothing]
    lines = [f"{head:<16}{words}" for head, words in (*remarks(profile), *_idle(profile))]
    return Group(*parts, "", *(Text(line) for line in lines), Text())


def facts(profile: Profile) -> Iterator[str]:
    """Yield the kind of time that was measured, then the totals."""
    kind = "GPU time"
    if profile.device == "cpu":
        kind = f"CPU self time of ops ({_no_gpu(profile)})"
    elif len(profile.streams) > 1:
        kind += f" of {plural(len(profile.streams), 'stream')} on {plural(len(profile.devices), 'device')}"
    yield kind
    yield f"sum {ms(profile.gpu_sum_ns)} ms"
    any_of = f" on any of {plural(len(profile.devices), 'device')}" if len(profile.devices) > 1 else ""
    yield f"busy {_of(profile.gpu_busy_ns, profile.span_ns)}{any_of}"
    if profile.kernel_count:
        yield f"{plural(profile.kernel_count, 'kernel')} {ms(profile.kernel_sum_ns)} ms"
    if profile.steps:
        yield plural(profile.steps, "step")
    if profile.selected:
        yield f"{profile.selected} alone"


def remarks(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield remarks on the data, each as a head word and a sentence."""
    for device in profile.devices:
        pid = f", process {clean(device.process)}" if device.process else ""
        yield f"device {clean(device.device)}", f"busy {_of(device.busy_ns, device.span_ns)}{pid}"
    if profile.gpu_sum_ns:
        left = profile.uncategorised_ns
        known = [f"{clean(row.name) or NO_NAMESPACE} {ms(row.total_ns)} ms" for row in profile.unknown]
        more = f", and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
        by = f": {', '.join(known[:MOST_NAMED])}{more}" if known else ""
        yield "uncategorised", f"{ms(left)} ms, {_percent(left, profile.gpu_sum_ns)}{by}"
        against = profile.contradicted_ns
        yield "contradictions", f"{ms(against)} ms, {_percent(against, profile.gpu_sum_ns)}, where an op says otherwise"
    if profile.kernel_count:
        launched = _percent(profile.attributed_ns, profile.launched_ns)
        of_all = _percent(profile.attributed_ns, profile.kernel_sum_ns)
        yield (
            "attributed",
            f"{of_all} of kernel time to an op or scope, {launched} of the time whose launches are in the trace",
        )
    if profile.profiler_steps:
        of_step = [ms(row.total_ns) for row in profile.profiler_steps if row.step is not None]
        more = f" and {len(of_step) - MOST_NAMED} more" if len(of_step) > MOST_NAMED else ""
        yield (
            "steps",
            f"{', '.join(of_step[:MOST_NAMED])} ms{more} in {plural(len(of_step), 'ProfilerStep')} (--by step)",
        )
    if profile.replayed_ns:
        mapped = _percent(profile.mapped_ns, profile.replayed_ns)
        others = [f"{short(row.name)} {ms(row.total_ns)} ms" for row in profile.not_mapped[:MOST_NAMED]]
        rest = (
            f"; not {', '.join(others)}" + (", ..." if len(profile.not_mapped) > MOST_NAMED else "") if others else ""
        )
        yield "replayed", f"{mapped} of the time of replayed steps mapped back to the ops that were captured{rest}"
    whole_ns = profile.gpu_sum_ns + sum(doubt.total_ns for doubt in profile.doubts if doubt.left_out)
    for doubt in profile.doubts:
        share = f"{plural(doubt.rows, 'row')}, {ms(doubt.total_ns)} ms, {_percent(doubt.total_ns, whole_ns)}"
        yield ("left out" if doubt.left_out else "doubtful"), f"{share}: {doubt.reason}"
    for name, count in profile.data_quality.items():
        yield "data quality", f"{clean(name).replace('_', ' ')}: {count:,}"


def _no_gpu(profile: Profile) -> str:
    """The reason that a trace has no GPU rows: it may not be a CPU trace at all."""
    why = [f"{plural(rows, 'row')} of {clean(kind)} not read" for kind, rows in profile.unread.items()]
    if profile.lost_launches:
        why.insert(0, f"the kernels of {plural(profile.lost_launches, 'launch', 'launches')} are missing")
    if any(doubt.left_out for doubt in profile.doubts):
        why.append("no GPU row has a time that can be true")
    return "; ".join(why) or "the trace has no GPU rows"


def _of(part_ns: int, whole_ns: int) -> str:
    """`0.050 ms of 0.100 ms (50.0 %)`."""
    share = f" ({_percent(part_ns, whole_ns)})" if whole_ns else ""
    return f"{ms(part_ns)} ms of {ms(whole_ns)} ms{share}"


def _idle(profile: Profile) -> Iterator[tuple[str, str]]:
    """Idle time by cause, for each device separately: time in which no device is busy belongs to none of them."""
    several = len(profile.devices) > 1
    for device in profile.devices:
        where = f"idle {clean(device.device)}" if several else "idle"
        for row in device.idle:
            yield where, f"{ms(row.total_ns)} ms in {plural(row.gaps, 'gap')}, {row.cause}"


def render_difference(changed: Difference, base: Profile, top: int = 12) -> RenderableType:
    """Render categories and kernels by their contribution to the difference."""
    from rich.console import Group
    from rich.text import Text

    from ..formats.terminal_table import Shown

    parts: list[RenderableType] = [Text(f"difference     {difference_words(changed)}")]
    kernels = changed_kernels(changed, "Kernel" if base.device == "cuda" else "Op", short)
    parts += ["", Shown(changed_categories(changed))] if changed.categories else []
    by_word = [changed_by(changed, by, short) for by in ("op", "scope")] if base.device == "cuda" else []
    parts += [part for table in (*by_word, kernels) if table.rows and top for part in ("", Shown(_top(table, top)))]
    return Group(*parts)


def difference_words(changed: Difference) -> str:
    """`65.000 -> 66.300 ms: +1.300 ms (+2.0 %)`."""
    ratio = f" ({100 * changed.delta_ns / changed.base_ns:+.1f} %)" if changed.base_ns else ""
    return f"{ms(changed.base_ns)} -> {ms(changed.head_ns)} ms: {signed_ms(changed.delta_ns)} ms{ratio}"


def _top(table: Table, count: int) -> Table:
    return table.first(count, lambda left: f"and {len(left):,} more (--top)")


def _percent(part: int, of: int) -> str:
    return f"{100 * part / of:.1f} %" if of else "-"
