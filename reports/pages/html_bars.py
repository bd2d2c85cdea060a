"""A plot of bars as elements of a page: as wide as the screen, with text of the page's size on a phone, too."""

from __future__ import annotations

from dataclasses import dataclass

from ..charts.drawing import Bar, Panel, Plot


@dataclass(frozen=True)
class HtmlBar:
    """One bar. length, low, high, limit: percent of its panel's axis; low is high without an interval."""

    place: int
    """Index of its colour."""
    length: float
    low: float
    high: float
    limit: float | None
    text: str
    tip: str


@dataclass(frozen=True)
class HtmlGroup:
    """Bars under one label, which has one line or two."""

    label: tuple[str, ...]
    bars: tuple[HtmlBar, ...]


@dataclass(frozen=True)
class HtmlPanel:
    """Groups over one axis that begins at zero. axis: its unit and the direction that is better."""

    axis: tuple[str, ...]
    groups: tuple[HtmlGroup, ...]


@dataclass(frozen=True)
class HtmlBars:
    """legend: place and name of each arm that has a bar. limit_name: of the marks, empty if there are none."""

    panels: tuple[HtmlPanel, ...]
    legend: tuple[tuple[int, str], ...]
    limit_name: str
    description: str


def html_bars(plot: Plot, arms: tuple[str, ...], description: str) -> HtmlBars:
    """arms: names for the legend, in the order of their colours."""
    bars = [(panel, bar) for panel in plot.panels for group in panel.groups for bar in group]
    used = sorted({bar.arm for _, bar in bars})
    return HtmlBars(
        tuple(map(_panel, plot.panels)),
        tuple((place, arms[place]) for place in used if place < len(arms)),
        next((panel.limit_name for panel, bar in bars if bar.limit), ""),
        description,
    )


def _panel(panel: Panel) -> HtmlPanel:
    ends = [max(bar.value, bar.high, bar.limit or 0.0) for group in panel.groups for bar in group]
    percent = 100 / (max(ends, default=0.0) or 1.0)
    groups = tuple(
        HtmlGroup(tuple(group[0].label.split("\n")), tuple(_bar(bar, percent) for bar in group))
        for group in panel.groups
    )
    return HtmlPanel(tuple(panel.axis.split("\n")), groups)


def _bar(bar: Bar, percent: float) -> HtmlBar:
    limit = bar.limit * percent if bar.limit else None
    return HtmlBar(bar.arm, bar.value * percent, bar.low * percent, bar.high * percent, limit, bar.text, bar.tip)
