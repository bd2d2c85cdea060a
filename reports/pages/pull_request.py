"""Markdown to paste into a pull request, at most `budget.LIMIT_BYTES` long.

The verdict comes first, then profile, kernels, tokens per second, and whether the kernels explain the step. The machine
and the command to repeat the measurement are folded away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from harness.values.verdict import Comparison

from ..charts.drawing import Chart
from ..figures import clean, percent, plural
from ..formats.budget import LIMIT_BYTES, Block, fit
from ..formats.markdown_cells import code, prose, text
from ..formats.mermaid import bars
from ..table import Cell, Change, Column, Name, Quantity, Row, Table, Words, maybe
from ..tables.categories import totals
from ..tables.figures import outside_figures
from ..tables.kernels import kernels_heading
from ..tables.models import models
from ..tables.run import problems
from ..views.category_view import Categories
from ..views.decode_view import ModelGroup
from ..views.kernel_view import KernelGroup, KernelRow
from ..views.step_view import step_words
from ..views.view import View
from .comparison_markdown import blocks as comparison_blocks
from .markdown import again, explained, linked

MOST_SENTENCES = 6
ANALYSIS_LIMIT = 1_500
"""Characters of the suite's own prose, so that a description fits on one screen."""


def render(
    view: View, charts: Sequence[Chart] = (), comparison: Comparison | None = None, limit_bytes: int = LIMIT_BYTES
) -> str:
    """The page. charts: linked as files beside it. comparison: with a base; its verdict is then the first line."""
    found = list(_blocks(view, charts, comparison))
    return fit(found, limit_bytes)


def _blocks(view: View, charts: Sequence[Chart], comparison: Comparison | None) -> Iterator[Block]:
    head, links = view.headline, linked(charts)
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
        yield totals(table)
        yield _profile_method(table)
    if view.kernels:
        yield f"### {kernels_heading(view)}"
        yield links.get("kernels", "")
        yield _kernels(view)
    if view.decodes:
        yield "### End to end"
        yield links.get("decode", "")
        yield _rates_chart(view.decodes)
        yield models(view, view.decodes).pick(
            "case arm tok_s time_us change bound_share", tok_s="Token/s", change="Change"
        )
        yield "\n".join(_explained(view))
    if view.figures:
        yield "### Figures"
        yield outside_figures(view, view.figures).pick("figure arm value unit per_s change", change="Change")
    if view.problems:
        yield "### Not measured"
        yield problems(view)
    yield again(view, ("Run", head.run_id), ("Started", head.started))


def _verdict(view: View) -> Iterator[str]:
    """Yield one paragraph: problems first, then changes, each on its own line and in bold."""
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


def _profile_method(table: Categories) -> str:
    steps = plural(table.steps, f"profiled {text(table.engine)} step")
    return f"Sums over {steps} of each arm, taken once: no interval. The figures below are timed without a profiler."


def _kernels(view: View) -> Table:
    """The best answer to each question beside the baseline. If all arms give one answer, it is both."""
    first = view.arms[0] if view.arms else ""
    columns = (
        Column("kernel", "Kernel"),
        Column("config", "Best config"),
        Column("base_us", "Baseline, {}", first, right=True),
        Column("best_us", "Best", right=True),
        Column("change", "Improvement"),
        Column("read_share", "Of read", right=True),
    )
    rows = []
    for group in view.kernels:
        best = min(group.rows, key=lambda row: row.us)
        base = next((row for row in group.rows if first in row.arms and row.estimate), None)
        times = [Quantity(row.estimate, "us") if row and row.estimate else None for row in (base, best)]
        name, share = Name(group.name, group.axes), maybe(best.bound_share, percent)
        cells = (name, Name(best.config), *times, _improvement(group, base, best), share)
        rows.append(Row(cells, int(best is base), "kernels"))
    return Table("best_kernels", "The best answer to each question", columns, tuple(rows))


def _improvement(group: KernelGroup, base: KernelRow | None, best: KernelRow) -> Cell:
    if len(group.rows) == 1 and not group.left_out:
        return Words("one answer in every arm")
    if base is best:
        return Words("the baseline is the best")
    return Change(best.ratio) if best.ratio else None


def _rates_chart(groups: Sequence[ModelGroup]) -> str:
    group = groups[0]
    names = [", ".join(row.arms) for row in group.rows]
    return bars(f"Decode at {group.title}", "tokens per second", names, [row.tok_s.value for row in group.rows])


def _explained(view: View) -> Iterator[str]:
    yield from islice(explained(view), MOST_SENTENCES)
    for parts in view.steps[:MOST_SENTENCES]:
        yield f"- Do its kernels explain the step? {code(parts.arm)}, {text(parts.axes)}: {text(step_words(parts))}."
