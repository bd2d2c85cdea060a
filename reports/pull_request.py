"""What is pasted into a pull request: verdict first, then profile, kernels and tokens per second, and whether the
kernels explain the step; the machine and how to measure again folded away. Never more than `budget.LIMIT_BYTES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.values.verdict import Comparison

from .budget import LIMIT_BYTES, Block, Ranked, Row, fit
from .category_view import Categories
from .comparison_markdown import blocks as comparison_blocks
from .decode_view import ModelGroup
from .drawing import Chart
from .figures import UNKNOWN, bracketed, clean, grouped, percent, plural, ratio_full
from .kernel_view import KernelGroup, KernelRow
from .markdown_cells import code, folded, prose, table_of, text
from .mermaid import bars
from .step_view import step_words
from .view import View, explained_words

MOST_SENTENCES = 6
ANALYSIS_LIMIT = 1_500
"""Characters of the suite's own prose; a description is read on one screen."""


def render(
    view: View, charts: Sequence[Chart] = (), comparison: Comparison | None = None, limit_bytes: int = LIMIT_BYTES
) -> str:
    """The page. charts: linked as files beside it. comparison: with a base; then its verdict is the first line."""
    found = list(_blocks(view, charts, comparison))
    return fit(found, limit_bytes)


def _blocks(view: View, charts: Sequence[Chart], comparison: Comparison | None) -> Iterator[Block]:
    head, links = view.headline, {chart.name: f"![{text(chart.title)}]({chart.name}.svg)" for chart in charts}
    against = list(comparison_blocks(comparison)) if comparison is not None else []
    yield from against[:1]
    yield from _verdict(view)
    yield f"{text(head.title)} · {text(' · '.join(head.facts))}"
    yield from _analysis(view)
    if against:
        yield "### Against the base"
        yield from against[1:]
    for table in view.categories:
        yield f"### Profile, {text(table.axes)}"
        yield links.pop("categories", "")
        yield _profile(table)
        yield _profile_method(table)
    if view.kernels:
        yield "### Kernels, timed alone with cold weights"
        yield links.get("kernels", "")
        yield _kernels(view)
    if view.decodes:
        yield "### End to end"
        yield links.get("decode", "")
        yield _rates_chart(view.decodes)
        yield _end_to_end(view.decodes)
        yield "\n".join(_explained(view))
    if view.problems:
        yield "### Not measured"
        rows = (
            (code(row.case), code(row.arm), row.status, text(row.reason)) for row in view.problems
        )  # the worst stand first
        ranked = tuple(Row(cells, place // 10, str(cells[2])) for place, cells in enumerate(rows))
        yield Ranked(("Case", "Arm", "Status", "Why"), ranked)
    yield _again(view)


def _verdict(view: View) -> Iterator[str]:
    """What went wrong, then what changed, each in a line of its own, the first of them bold."""
    sentences = [*view.trouble, *view.summary]
    if not sentences:
        sentences = [f"{view.counts.sentence}."]
    shown = [f"**{text(sentences[0])}**", *(f"**{text(s)}**" for s in sentences[1:MOST_SENTENCES])]
    if len(sentences) > MOST_SENTENCES:
        shown.append(f"and {plural(len(sentences) - MOST_SENTENCES, 'more such sentence')} in the tables below.")
    yield "\\\n".join(shown)


def _analysis(view: View) -> Iterator[str]:
    left = ANALYSIS_LIMIT
    for paragraph in view.headline.analysis:
        if left > 0:
            yield prose(clean(paragraph, left))
        left -= len(paragraph)


def _profile(table: Categories) -> Ranked:
    """Category | Total (ms) | % GPU, a pair of columns an arm."""
    many = len(table.arms) > 1
    headings = ["Category"]
    for arm in table.arms:
        of = f", {code(arm)}" if many else ""
        headings += [f"Total (ms){of}", f"% {table.unit}{of}"]
    rows = []
    for place, row in enumerate((*table.rows, table.total)):
        cells = [text(row.name)]
        for cell in row.cells:
            cells += [grouped(cell.total_ns / 1e6, 3), percent(cell.share)] if cell else [UNKNOWN, UNKNOWN]
        rows.append(Row(tuple(cells), 0 if row is table.total else place, "categories"))
    return Ranked(tuple(headings), tuple(rows), right=tuple(range(1, len(headings))))


def _profile_method(table: Categories) -> str:
    steps = plural(table.steps, f"profiled {text(table.engine)} step")
    return f"Sums over {steps} of each arm, taken once: no interval. What is below is timed without a profiler."


def _kernels(view: View) -> Ranked:
    """Kernel | Best config | Baseline | Best | Improvement; where all arms give one answer, that is both."""
    first = view.arms[0] if view.arms else ""
    rows = []
    for group in view.kernels:
        best = min((row for row in group.rows if row.estimate), key=_us)
        base = next((row for row in group.rows if first in row.arms and row.estimate), None)
        cells = (
            f"{code(group.name)}, {text(group.axes)}",
            code(best.config),
            f"{bracketed(base.estimate)} us" if base and base.estimate else UNKNOWN,
            f"{bracketed(best.estimate)} us" if best.estimate else UNKNOWN,
            _improvement(group, base, best),
            percent(best.bound_share),
        )
        moved = best is not base
        rows.append(Row(cells, 0 if moved else 1, "kernels"))
    headings = ("Kernel", "Best config", f"Baseline, {code(first)}", "Best", "Improvement", "Of read")
    return Ranked(headings, tuple(rows), right=(2, 3, 5))


def _us(row: KernelRow) -> float:
    assert row.estimate is not None
    return row.estimate.value


def _improvement(group: KernelGroup, base: KernelRow | None, best: KernelRow) -> str:
    if len(group.rows) == 1 and not group.left_out:
        return "one answer in every arm"
    if base is best:
        return "the baseline is the best"
    return ratio_full(best.ratio) if best.ratio else UNKNOWN


def _end_to_end(groups: Sequence[ModelGroup]) -> Ranked:
    rows = []
    for group in groups:
        for place, row in enumerate(group.rows):
            cells = (
                text(group.title),
                ", ".join(code(arm) for arm in row.arms),
                bracketed(row.tok_s),
                bracketed(row.time),
                ratio_full(row.ratio) if row.ratio else UNKNOWN,
                percent(row.bound_share),
            )
            rows.append(Row(cells, min(place, 1), "decodes"))
    return Ranked(("Decode", "Arm", "Token/s", "us per step", "Change", "Of bound"), tuple(rows), right=(2, 3, 5))


def _rates_chart(groups: Sequence[ModelGroup]) -> str:
    group = groups[0]
    names = [", ".join(row.arms) for row in group.rows]
    return bars(f"Decode at {group.title}", "tokens per second", names, [row.tok_s.value for row in group.rows])


def _explained(view: View) -> Iterator[str]:
    for entry in view.explained[:MOST_SENTENCES]:
        who = f"{code(entry.head)} against {code(entry.base)}, {text(entry.title)}"
        yield f"- Do the kernels explain it? {who}: {text(explained_words(entry))}."
    for parts in view.steps[:MOST_SENTENCES]:
        yield f"- Do its kernels explain the step? {code(parts.arm)}, {text(parts.axes)}: {text(step_words(parts))}."


def _again(view: View) -> str:
    head = view.headline
    rows = [[text(name), text(value)] for name, value in head.environment]
    parts = [table_of(["Machine", ""], [*rows, ["Run", text(head.run_id)], ["Started", text(head.started)]])]
    if head.command:
        parts.append(f"Measured by {code(head.command)}")
    notes = (*view.intervals, *view.cautions, *view.methods)
    parts.append("\n".join(f"- {text(sentence)}" for sentence in notes))
    return folded("Machine, method and how to measure it again", "\n\n".join(part for part in parts if part))
