"""The charts that a view has: decode rates, categories, kernels and their roofline, every arm beside the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.values.estimate import Estimate

from ..figures import clean, number, percent, plus_minus, tunable_words
from ..views.category_view import Categories, CategoryRow
from ..views.kernel_view import KernelGroup, timed_cold
from ..views.view import View
from .drawing import LABEL_LIMIT, Bar, Chart, Panel, Plot, draw
from .roofline import draw_roofline

MOST_BARS = 48
"""Most bars of one chart; the table has all of them."""

LEAST_SHARE = 0.01
"""Share of the longest arm's step, below which categories are drawn as one: their bars would have no length."""

FARTHEST_LIMIT = 8.0
"""Most multiples of the fastest rate. A bound farther away would leave no length to compare."""


def draw_all(view: View, want_png: bool = True) -> tuple[Chart, ...]:
    """Every chart for which the view has numbers."""
    arms = tuple(clean(arm, LABEL_LIMIT) for arm in view.arms)
    plots = (_decode(view), _categories(view), _kernels(view))
    roofline = draw_roofline(view, want_png)
    return (*(draw(plot, arms, want_png) for plot in plots if plot), *((roofline,) if roofline else ()))


def _decode(view: View) -> Plot | None:
    fastest = max((row.tok_s.value for group in view.decodes for row in group.rows), default=0.0)
    groups, beyond = [], False
    for group in view.decodes:
        bound = group.bound_tok_s
        if bound and bound > FARTHEST_LIMIT * fastest:
            bound, beyond = None, True
        bars: list[Bar] = []
        for row in group.rows:
            label = "" if bars else f"{group.axes}\n{group.engine}"
            bars.append(_bar(view, label, row.arms, row.tok_s, bound, f"{plus_minus(row.tok_s)} tok/s"))
        groups.append(tuple(bars))
    if not groups:
        return None
    axis = "tokens per second, more is better" + ("\nthe bound lies beyond the axis" if beyond else "")
    return Plot("decode", "Decode rate", (Panel(axis, tuple(groups), "bound by memory bandwidth"),))


def _categories(view: View) -> Plot | None:
    panels = tuple(panel for table in view.categories if (panel := _category_panel(view, table)).groups)
    where = f", {view.categories[0].axes}" if len(view.categories) == 1 else ""
    return Plot("categories", f"Decode step by category{where}", panels) if panels else None


def _category_panel(view: View, table: Categories) -> Panel:
    longest_us = max((cell.step_us for cell in table.total.cells if cell), default=0.0)
    least_us = LEAST_SHARE * longest_us
    large = [row for row in table.rows if any(cell is not None and cell.step_us >= least_us for cell in row.cells)]
    small = [row for row in table.rows if row not in large]
    groups = [_category_bars(view, table, row) for row in (*large, *_together(small))]
    where = "" if len(view.categories) == 1 else f", {table.axes}"
    axis = f"us of {table.unit_time} per step{where}, less is better"
    if table.overlapping:
        axis += "\ntime that kernels share counts once"
    return Panel(axis, tuple(bars for bars in groups if bars))


def _together(rows: Sequence[CategoryRow]) -> list[CategoryRow]:
    """Several categories summed as one; a single one keeps its name."""
    if len(rows) < 2:
        return list(rows)
    by_arm = [[cell for cell in cells if cell is not None] for cells in zip(*(row.cells for row in rows), strict=True)]
    cells = tuple(
        replace(held[0], step_us=sum(cell.step_us for cell in held), share=sum(cell.share for cell in held))
        if held else None
        for held in by_arm
    )  # fmt: skip
    return [CategoryRow(f"{len(rows)} others", cells)]


def _category_bars(view: View, table: Categories, row: CategoryRow) -> tuple[Bar, ...]:
    """Time that kernels share is taken off every category alike, so that bars of an arm add up to its kernels' time and
    an arm whose kernels overlap does not look slower for it."""
    bars: list[Bar] = []
    for arm, cell, alone in zip(table.arms, row.cells, table.alone, strict=True):
        if cell is not None:
            text = f"{number(cell.step_us * alone)} us"
            tip = f"{row.name}, {arm}: {text} per step, {percent(cell.share)}"
            bars.append(Bar.exact("" if bars else row.name, view.place(arm), cell.step_us * alone, text, tip))
    return tuple(bars)


def _kernels(view: View) -> Plot | None:
    """One panel for each op, each with its own axis: an op of 3 us stays readable beside one of 120."""
    by_op: dict[str, list[KernelGroup]] = {}
    left = MOST_BARS
    for group in view.kernels:
        if 0 < len(group.rows) <= left:
            by_op.setdefault(clean(group.rows[0].source.case.op or ""), []).append(group)
            left -= len(group.rows)
    panels = []
    for op, groups in by_op.items():
        bars = tuple(tuple(_kernel_bars(view, group)) for group in groups)
        panels.append(Panel(f"us per call, {op}, less is better", bars, "bound by memory bandwidth"))
    title = "Kernels alone, cold weights" if timed_cold(view.kernels) else "Benchmarks"
    return Plot("kernels", title, tuple(panels)) if panels else None


def _kernel_bars(view: View, group: KernelGroup) -> Iterator[Bar]:
    label = f"{group.name}\n{group.axes}"
    for row in group.rows:
        if row.estimate:
            text = f"{plus_minus(row.estimate)} us"
            case = row.source.case
            if case.tunables_in_id and case.answer is not None:
                text += f"  {' '.join(tunable_words(case.answer.tunables))}"
            yield _bar(view, label, row.arms, row.estimate, group.bound_us, text, row.config)
            label = ""


def _bar(
    view: View, label: str, arms: Sequence[str], estimate: Estimate, limit: float | None, text: str, config: str = ""
) -> Bar:
    tip = ", ".join(part for part in (" and ".join(arms), config, text) if part)
    return Bar(label, view.place(arms[0]), estimate.value, estimate.low, estimate.high, limit, text, tip)
