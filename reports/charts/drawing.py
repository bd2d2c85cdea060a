"""Zero-based horizontal bars as SVG and PNG, with readable names and comparable lengths.

The bytes depend only on the plot: no dates, fixed ids, text kept as text and never parsed as mathematics.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..figures import clean

INK, MUTED, GRID, PAPER = "#1f2328", "#59636e", "#d8dee4", "#ffffff"
SERIES = ("#6e7781", "#0072b2", "#b35900", "#008060", "#b04a88", "#7a5c00")
"""Colours of the arms in their order. Blue, orange, green and purple follow Okabe and Ito (2008), darkened until each
has a contrast of 3:1 with white. The first arm is grey, because the others are compared with it."""

WIDTH_IN, BAR_IN, HEAD_IN, FOOT_IN = 6.4, 0.235, 0.66, 0.52
GAP = 0.85
"""Space between groups of bars, in bars."""

LINE_IN = 0.17
"""Height of a further line of an axis label."""

MANY_ARMS, SLIM = 3, 0.78
"""Bars a group from which bars are this part of their height, so that a chart of many arms fits on a screen."""

LABEL_PT, VALUE_PT = 9.5, 8.5
LIMIT_DASHES = (0, (1.2, 0.8))
PNG_DPI = 180
LABEL_LIMIT = 34

STYLE: Any = {
    "svg.hashsalt": "harness",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": LABEL_PT,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
}


@dataclass(frozen=True)
class Bar:
    """One bar."""

    label: str
    """Label of its group, on one line or two; empty for all but the group's first bar."""
    arm: int
    """Index of its colour."""
    value: float
    low: float
    high: float
    limit: float | None
    """The least possible time or the highest possible rate, drawn as a mark."""
    text: str
    tip: str
    """Tooltip text."""

    @classmethod
    def exact(cls, label: str, arm: int, value: float, text: str, tip: str) -> Bar:
        """A bar for a value that has no interval."""
        return cls(label, arm, value, value, value, None, text, tip)


@dataclass(frozen=True)
class Panel:
    """Bars over one axis. Bars of one group touch; groups are apart."""

    axis: str
    """Its label, on one line or several; each is as short as the axis."""
    groups: tuple[tuple[Bar, ...], ...]
    limit_name: str = ""


@dataclass(frozen=True)
class Plot:
    """A plot to draw: a name for its files, a title, and panels below one another."""

    name: str
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Chart:
    """A drawn plot. name: stem of its files. description: its bars in words, for readers who cannot see them. plot,
    arms: of a chart of bars, its values and the names of its colours."""

    name: str
    title: str
    description: str
    svg: bytes
    png: bytes
    plot: Plot | None = None
    arms: tuple[str, ...] = ()


def draw(plot: Plot, arms: Sequence[str], want_png: bool) -> Chart:
    """arms: names for the legend, in the order of their colours. Without `want_png` the chart's png is empty."""
    name, title, panels = plot.name, plot.title, plot.panels
    tips: dict[str, str] = {}
    with mpl.rc_context(STYLE):
        figure, axes = _lay_out(panels)
        figure.text(0.12 / WIDTH_IN, 1 - 0.24 / figure.get_figheight(), title, fontweight="bold", fontsize=11)
        for index, (panel, ax) in enumerate(zip(panels, axes, strict=True)):
            _draw_panel(ax, panel, f"{name}-{index}", tips)
        bars = [(panel, bar) for panel in panels for group in panel.groups for bar in group]
        limit_name = next((panel.limit_name for panel, bar in bars if bar.limit), "")
        _legend(figure, sorted({bar.arm for _, bar in bars}), arms, limit_name)
        svg, png = finish(figure, tips, want_png)
    return Chart(name, title, _description(plot), svg, png, plot, tuple(arms))


def undrawn(plot: Plot, arms: Sequence[str]) -> Chart:
    """The chart of a page that draws bars itself: without SVG and PNG."""
    return Chart(plot.name, plot.title, _description(plot), b"", b"", plot, tuple(arms))


def _description(plot: Plot) -> str:
    return f"{plot.title}. " + "; ".join(_spoken(plot.panels)) + "."


def finish(figure: Figure, tips: Mapping[str, str], want_png: bool) -> tuple[bytes, bytes]:
    """SVG with a tooltip on each element whose gid has one, and PNG (empty if it is not wanted)."""
    return _with_tips(_svg(figure), tips), _png(figure) if want_png else b""


def _lay_out(panels: Sequence[Panel]) -> tuple[Figure, list[Axes]]:
    """Place the panels below one another, beside room for the longest label. No layout engine of matplotlib is used:
    their solver gives other last digits from one drawing to the next."""
    bar_rows = [sum(len(group) for group in panel.groups) + GAP * len(panel.groups) for panel in panels]
    bar_in = BAR_IN * (SLIM if max(len(group) for panel in panels for group in panel.groups) >= MANY_ARMS else 1)
    feet = [FOOT_IN + LINE_IN * panel.axis.count("\n") for panel in panels]
    height = HEAD_IN + sum(rows * bar_in + foot for rows, foot in zip(bar_rows, feet, strict=True))
    figure = Figure(figsize=(WIDTH_IN, height))
    lines = [line for panel in panels for group in panel.groups for line in _label_lines(group)]
    left = max(width_in(figure, line, LABEL_PT) for line in lines) + 0.22
    axes, y = [], height - HEAD_IN
    for rows, foot in zip(bar_rows, feet, strict=True):
        y -= rows * bar_in
        place = (left / WIDTH_IN, y / height, (WIDTH_IN - left - 0.12) / WIDTH_IN, rows * bar_in / height)
        axes.append(figure.add_axes(place))
        y -= foot
    return figure, axes


def width_in(figure: Figure, text: str, size_pt: float) -> float:
    """Width of a line of text in inches."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    pixels, _, _ = renderer.get_text_width_height_descent(text, FontProperties(size=size_pt), False)
    return float(pixels / figure.dpi)


def _label_lines(group: Sequence[Bar]) -> list[str]:
    return [clean(line, LABEL_LIMIT) for line in group[0].label.split("\n")]


def _draw_panel(ax: Axes, panel: Panel, prefix: str, tips: dict[str, str]) -> None:
    y, ticks = 0.0, []
    axis_end, text_starts = _end_of_axis(ax, panel)
    for group in panel.groups:
        ticks.append(y + (len(group) - 1) / 2)
        for bar in group:
            gid = f"tip-{prefix}-{len(tips)}"
            tips[gid] = bar.tip
            ax.barh(y, bar.value, height=0.86, color=SERIES[bar.arm % len(SERIES)], clip_on=False)[0].set_gid(gid)
            if bar.high > bar.low:
                ax.errorbar(
                    bar.value, y, xerr=[[bar.value - bar.low], [bar.high - bar.value]], color=INK, capsize=2.5, lw=1
                )
            start = (next(text_starts), y)
            ax.annotate(bar.text, start, xytext=(5, 0), textcoords="offset points", va="center", fontsize=VALUE_PT)
            if bar.limit:
                ax.plot([bar.limit] * 2, [y - 0.43, y + 0.43], color=INK, lw=1.6, ls=LIMIT_DASHES)
            y += 1
        y += GAP
    ax.set_yticks(ticks, ["\n".join(_label_lines(group)) for group in panel.groups])
    ax.set_ylim(y - GAP / 2 - 0.5, -0.5 - GAP / 2)
    ax.set_xlim(0, axis_end)
    ax.set_xlabel(panel.axis)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")


def _end_of_axis(ax: Axes, panel: Panel) -> tuple[float, Iterator[float]]:
    """The end of the axis, and the start of each bar's value text.

    The end is the smallest at which every bar has room for its value and every limit is on the axis. A value starts
    behind its bar, or behind its limit if it would be written over that.
    """
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    wide = ax.get_position().width * WIDTH_IN
    bars = [bar for group in panel.groups for bar in group]
    texts = [0.12 + min(width_in(figure, bar.text, VALUE_PT), wide / 2) for bar in bars]
    starts, end = [max(bar.high, bar.value) for bar in bars], 0.0
    for _ in bars:  # each value that moves can make the axis longer, and with it others
        ends = [start * wide / (wide - text) for start, text in zip(starts, texts, strict=True)]
        end = max(*ends, *((bar.limit or 0) * 1.03 for bar in bars)) or 1.0
        before = starts
        starts = [
            bar.limit if bar.limit and start < bar.limit < start + text * end / wide else start
            for bar, start, text in zip(bars, starts, texts, strict=True)
        ]
        if starts == before:
            break
    return end, iter(starts)


def _legend(figure: Figure, used: Sequence[int], arms: Sequence[str], limit_name: str) -> None:
    handles: list[Any] = [Patch(color=SERIES[arm % len(SERIES)], label=arms[arm]) for arm in used if arm < len(arms)]
    if limit_name:
        handles.append(Line2D([], [], color=INK, lw=1.6, ls=LIMIT_DASHES, label=limit_name))
    top = 1 - 0.3 / figure.get_figheight()
    corner = (0.06 / WIDTH_IN, top)
    style: dict[str, Any] = {"ncols": 4, "borderaxespad": 0, "handlelength": 1.2, "fontsize": VALUE_PT}
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, **style)


def _spoken(panels: Sequence[Panel]) -> Iterator[str]:
    for panel in panels:
        for group in panel.groups:
            label = group[0].label.replace("\n", ", ")
            yield f"{label}: " + ", ".join(bar.tip.removeprefix(f"{label}, ") for bar in group)


_COORDINATES = re.compile(r' (?:d|x|y|transform|clip-path)="[^"]*"', re.DOTALL)
_DIGITS = re.compile(r"(\.\d\d)\d+")


def _svg(figure: Figure) -> str:
    """SVG with coordinates to a hundredth of a point: finer digits are invisible, and they are a third of the bytes."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _COORDINATES.sub(lambda found: _DIGITS.sub(r"\1", found[0]), out.getvalue())


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png", dpi=PNG_DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})
    return out.getvalue()


def _with_tips(svg: str, tips: Mapping[str, str]) -> bytes:
    for gid, tip in tips.items():
        svg = svg.replace(f'<g id="{gid}">', f'<g id="{gid}"><title>{escape(tip)}</title>', 1)
    return svg.encode()
