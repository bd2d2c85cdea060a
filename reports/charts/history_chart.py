"""The first cases of a history as lines over runs, each with the band of its intervals, on an axis from zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..figures import clean, plus_minus
from ..views.history_view import Point, Trend
from .drawing import MUTED, SERIES, STYLE, VALUE_PT, WIDTH_IN, Chart, finish

MOST_PANELS = 3
MOST_TIPS = 40
"""Points of a panel that have a tooltip, the newest ones. The others are only on the line."""

PANEL_IN, HEAD_IN, FOOT_IN, ABOVE_IN = 1.25, 0.32, 0.62, 0.24
"""A panel's foot has two lines of ticks and the axis's name. Its own title stands above it."""

TITLE_LIMIT = 80
TICK_LIMIT = 10


def draw_history(trends: Sequence[Trend], want_png: bool = False) -> tuple[Chart, ...]:
    """One chart, decodes first; no chart without trends."""
    shown = sorted(trends, key=lambda trend: trend.kind != "decode")[:MOST_PANELS]
    if not shown:
        return ()
    height = HEAD_IN + len(shown) * (ABOVE_IN + PANEL_IN + FOOT_IN)
    tips: dict[str, str] = {}
    with mpl.rc_context({**STYLE, "axes.grid.axis": "y"}):
        figure = Figure(figsize=(WIDTH_IN, height))
        figure.text(0.12 / WIDTH_IN, 1 - 0.24 / height, "Over runs", fontweight="bold", fontsize=11)
        for place, trend in enumerate(shown):
            bottom = height - HEAD_IN - (place + 1) * (ABOVE_IN + PANEL_IN + FOOT_IN) + FOOT_IN
            axes = figure.add_axes((0.105, bottom / height, 0.875, PANEL_IN / height))
            _draw(axes, trend, f"tip-history-{place}", tips)
        svg, png = finish(figure, tips, want_png)
    return (Chart("history", "Over runs", " ".join(_spoken(shown)), svg, png),)


def _draw(axes: Axes, trend: Trend, prefix: str, tips: dict[str, str]) -> None:
    colour = SERIES[1]
    for start, points in segments(trend):
        xs = list(range(start, start + len(points)))
        lows, highs = [p.time.low for p in points], [p.time.high for p in points]
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.25, lw=0)
        axes.plot(xs, [p.time.value for p in points], color=colour, lw=1.3)
        if start:
            axes.axvline(start - 0.5, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    first = max(0, len(trend.points) - MOST_TIPS)
    for place, point in list(enumerate(trend.points))[first:]:
        gid = f"{prefix}-{place}"
        tips[gid] = _tip(trend, point)
        axes.plot([place], [point.time.value], "o", color=colour, ms=3, gid=gid, clip_on=False)
    axes.set_ylim(0, max(p.time.high for p in trend.points) * 1.15)
    axes.set_xlim(-0.5, len(trend.points) - 0.5)
    axes.set_title(clean(f"{trend.name}, {trend.arm}", TITLE_LIMIT), loc="left", fontsize=VALUE_PT, pad=3)
    axes.set_ylabel(f"{trend.unit},\nless is better", fontsize=VALUE_PT)
    axes.set_xlabel("run (commit), oldest first", fontsize=VALUE_PT, labelpad=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.xaxis.set_major_formatter(lambda value, _: _tick(trend, value))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    axes.tick_params(labelsize=VALUE_PT - 0.5)


def segments(trend: Trend) -> Iterator[tuple[int, tuple[Point, ...]]]:
    """Stretches under the same conditions, each with the index of its first point."""
    starts = [0, *(place for place, point in enumerate(trend.points) if place and point.changed), len(trend.points)]
    for start, stop in pairwise(starts):
        yield start, trend.points[start:stop]


def _tick(trend: Trend, value: float) -> str:
    place = round(value)
    if not 0 <= place < len(trend.points) or abs(value - place) > 1e-6:
        return ""
    point = trend.points[place]
    return f"{clean(point.run, TICK_LIMIT)}\n{point.commit[:7]}"


def _tip(trend: Trend, point: Point) -> str:
    commit = f", commit {point.commit}" if point.commit else ""
    changed = f"; changed: {', '.join(point.changed[:3])}" if point.changed else ""
    return f"run {point.run}{commit}, {point.started}: {plus_minus(point.time)} {trend.unit}{changed}"


def _spoken(trends: Sequence[Trend]) -> Iterator[str]:
    for trend in trends:
        first, last = trend.points[0].time, trend.points[-1].time
        runs = f"{len(trend.points)} runs, first {plus_minus(first)}, last {plus_minus(last)} {trend.unit}"
        yield f"{trend.name}, {trend.arm}: {runs}."
