"""The charts of a view, as SVG and PNG: zero-based horizontal bars, so that names are readable and lengths compare.

Bytes are a function of the view alone: no dates, fixed ids, text kept as text and never read as mathematics.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .category_view import Categories
from .figures import clean, number, plus_minus
from .kernel_view import KernelGroup
from .view import View

INK, MUTED, GRID, PAPER = "#1f2328", "#59636e", "#d8dee4", "#ffffff"
SERIES = ("#6e7781", "#0072b2", "#b35900", "#008060", "#b04a88", "#7a5c00")
"""Colours of the arms in their order. Blue, orange, green and purple in the sense of Okabe and Ito (2008), darkened until
each has a contrast of 3:1 with white; the first arm is grey, because it is what the others are held against."""

WIDTH_IN, BAR_IN, MARGIN_IN = 7.2, 0.235, 0.95
MOST_BARS = 48
LABEL_LIMIT = 34

STYLE: dict[str, Any] = {
    "svg.hashsalt": "harness", "svg.fonttype": "none", "text.parse_math": False, "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"], "font.size": 9.5, "text.color": INK, "axes.edgecolor": MUTED, "axes.labelcolor": MUTED,
    "xtick.color": MUTED, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "axes.grid": True, "axes.grid.axis": "x", "grid.color": GRID, "axes.axisbelow": True, "ytick.major.size": 0,
    "legend.frameon": False, "figure.facecolor": PAPER, "axes.facecolor": PAPER, "hatch.linewidth": 0.6,
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """label: of its group, empty for all but the first. arm: index of its colour. limit: the least possible time or the
    highest possible rate, drawn as a mark. tip: what a pointer shows."""

    label: str
    arm: int
    value: float
    low: float
    high: float
    limit: float | None
    text: str
    tip: str


@dataclass(frozen=True)
class Panel:
    """Bars over one axis; bars of one group touch, groups are apart."""

    axis: str
    groups: tuple[tuple[Bar, ...], ...]
    limit_name: str = ""


@dataclass(frozen=True)
class Chart:
    """name: of its files. title: what it shows. description: the same as its bars, in words, for who cannot see it."""

    name: str
    title: str
    description: str
    svg: bytes
    png: bytes


def draw_all(view: View, want_png: bool = True) -> tuple[Chart, ...]:
    """Every chart that the view has numbers for."""
    makers: tuple[Callable[[View], tuple[str, str, list[Panel], tuple[str, ...]] | None], ...] = (_decode, _categories, _kernels)
    found = []
    for make in makers:
        made = make(view)
        if made is not None:
            name, title, panels, arms = made
            found.append(_draw(name, title, panels, arms, want_png))
    return tuple(found)


def _decode(view: View) -> tuple[str, str, list[Panel], tuple[str, ...]] | None:
    groups = []
    for group in view.decodes:
        bars = []
        for row in group.rows:
            label = "" if bars else group.title
            text = f"{plus_minus(row.tok_s)} tok/s"
            bars.append(_bar(view, label, row.arms, row.tok_s, group.bound_tok_s, text))
        groups.append(tuple(bars))
    if not groups:
        return None
    panel = Panel("tokens per second, more is better", tuple(groups), "bound by memory bandwidth")
    return "decode", "Decode rate", [panel], _arms(view)


def _categories(view: View) -> tuple[str, str, list[Panel], tuple[str, ...]] | None:
    panels = [_category_panel(view, table) for table in view.categories]
    panels = [panel for panel in panels if panel.groups]
    return ("categories", "Where a decode step goes", panels, _arms(view)) if panels else None


def _category_panel(view: View, table: Categories) -> Panel:
    groups = []
    for row in table.rows:
        bars: list[Bar] = []
        for arm, cell in zip(table.arms, row.cells, strict=True):
            if cell is not None:
                text = f"{number(cell.step_us)} us"
                tip = f"{row.name}, {arm}: {text} per step, {number(cell.share * 100)} %"
                bars.append(Bar("" if bars else row.name, _place(view, arm), cell.step_us, cell.step_us, cell.step_us, None, text, tip))
        groups.append(tuple(bars))
    return Panel(f"us of {table.unit} time per decode step, {table.axes}, less is better", tuple(groups))


def _kernels(view: View) -> tuple[str, str, list[Panel], tuple[str, ...]] | None:
    """One panel an op, each with its own axis: an op of 3 us stays readable beside one of 120."""
    by_op: dict[str, list[KernelGroup]] = {}
    left = MOST_BARS
    for group in view.kernels:
        if len(group.rows) <= left:
            by_op.setdefault(group.name.partition("@")[0], []).append(group)
            left -= len(group.rows)
    panels = []
    for op, groups in by_op.items():
        bars = tuple(tuple(_kernel_bars(view, group)) for group in groups)
        panels.append(Panel(f"us per call, {op}, less is better", bars, "bound by memory bandwidth"))
    return ("kernels", "Kernels alone, cold weights", panels, _arms(view)) if panels else None


def _kernel_bars(view: View, group: KernelGroup) -> Iterator[Bar]:
    label = f"{group.name}, {group.axes}"
    for row in group.rows:
        if row.estimate:
            yield _bar(view, label, row.arms, row.estimate, group.bound_us, f"{plus_minus(row.estimate)} us", row.config)
            label = ""


def _bar(
    view: View, label: str, arms: Sequence[str], estimate: Any, limit: float | None, text: str, config: str = ""
) -> Bar:
    tip = ", ".join(part for part in (" and ".join(arms), config, text) if part)
    return Bar(label, _place(view, arms[0]), estimate.value, estimate.low, estimate.high, limit, text, tip)


def _arms(view: View) -> tuple[str, ...]:
    return tuple(clean(arm, LABEL_LIMIT) for arm in view.arms)


def _place(view: View, arm: str) -> int:
    names = [clean(name) for name in view.arms]
    return names.index(arm) if arm in names else 0


def _draw(name: str, title: str, panels: Sequence[Panel], arms: Sequence[str], want_png: bool) -> Chart:
    bars = [bar for panel in panels for group in panel.groups for bar in group]
    with mpl.rc_context(STYLE):
        rows = [sum(len(group) for group in panel.groups) + 0.7 * len(panel.groups) for panel in panels]
        figure = Figure(figsize=(WIDTH_IN, BAR_IN * sum(rows) + MARGIN_IN * len(panels) + 0.35), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=rows)[:, 0]
        tips: dict[str, str] = {}
        for index, (panel, ax) in enumerate(zip(panels, axes, strict=True)):
            _draw_panel(ax, panel, f"{name}-{index}", tips)
        _legend(axes[0], sorted({bar.arm for bar in bars}), arms, next((p.limit_name for p in panels if _has_limit(p)), ""))
        svg = _with_tips(_svg(figure), tips)
        png = _png(figure) if want_png else b""
    return Chart(name, title, f"{title}. " + "; ".join(_spoken(panels)) + ".", svg, png)


def _draw_panel(ax: Axes, panel: Panel, prefix: str, tips: dict[str, str]) -> None:
    y, ticks, names, farthest = 0.0, [], [], 0.0
    for group in panel.groups:
        ticks.append(y + (len(group) - 1) / 2)
        names.append(clean(group[0].label, LABEL_LIMIT) if group else "")
        for bar in group:
            gid = f"tip-{prefix}-{len(tips)}"
            tips[gid] = bar.tip
            colour = SERIES[bar.arm % len(SERIES)]
            ax.barh(y, bar.value, height=0.86, color=colour, gid=gid)[0].set_gid(gid)
            if bar.high > bar.low:
                ax.errorbar(bar.value, y, xerr=[[bar.value - bar.low], [bar.high - bar.value]], color=INK, capsize=2.5, lw=1)
            ax.annotate(bar.text, (max(bar.high, bar.value), y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5)
            if bar.limit:
                ax.plot([bar.limit] * 2, [y - 0.43, y + 0.43], color=INK, lw=1.6, ls=(0, (1.2, 0.8)))
            farthest = max(farthest, bar.high, bar.limit or 0)
            y += 1
        y += 0.7
    ax.set_yticks(ticks, names)
    ax.set_ylim(y - 1.2, -0.8)
    ax.set_xlim(0, farthest * 1.24 or 1)
    ax.set_xlabel(panel.axis)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")


def _legend(ax: Axes, used: Sequence[int], arms: Sequence[str], limit_name: str) -> None:
    handles: list[Any] = [mpl.patches.Patch(color=SERIES[arm % len(SERIES)], label=arms[arm]) for arm in used if arm < len(arms)]
    if limit_name:
        handles.append(mpl.lines.Line2D([], [], color=INK, lw=1.6, ls=(0, (1.2, 0.8)), label=limit_name))
    ax.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.2, handlelength=1.2, fontsize=8.5)


def _has_limit(panel: Panel) -> bool:
    return any(bar.limit for group in panel.groups for bar in group)


def _spoken(panels: Sequence[Panel]) -> Iterator[str]:
    for panel in panels:
        for group in panel.groups:
            if group:
                yield f"{group[0].label}: " + ", ".join(bar.tip.removeprefix(f"{group[0].label}, ") for bar in group)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return out.getvalue()


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out, metadata={"Software": None}, pil_kwargs={"optimize": True})
    return out.getvalue()


def _with_tips(svg: str, tips: Mapping[str, str]) -> bytes:
    for gid, tip in tips.items():
        svg = svg.replace(f'<g id="{gid}">', f'<g id="{gid}"><title>{escape(tip)}</title>', 1)
    return svg.encode()
