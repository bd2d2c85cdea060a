"""The charts of a page, as elements of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..charts.drawing import GRID, INK, MUTED, PAPER, SERIES, Chart
from .html_bars import HtmlBars, html_bars

VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line", PAPER: "--card"} | {
    colour: f"--s{place}" for place, colour in enumerate(SERIES)
}
"""A chart's colours as the variables of the page, so that it follows the theme."""


@dataclass(frozen=True)
class Figure:
    """A chart of bars as elements, any other as SVG."""

    title: str
    svg: Markup | None = None
    bars: HtmlBars | None = None


def figures(charts: Iterable[Chart]) -> dict[str, Figure]:
    """The figures by the names that a template uses."""
    return {chart.name: _figure(chart) for chart in charts}


def _figure(chart: Chart) -> Figure:
    if chart.plot is not None:
        return Figure(chart.title, bars=html_bars(chart.plot, chart.arms, chart.description))
    return Figure(chart.title, inline_svg(chart))


def inline_svg(chart: Chart) -> Markup:
    """A chart as an element of a page: in the page's colours, its ids its own, named for screen readers.

    The SVG is made by `charts.py`, which escapes every name in it.
    """
    text = chart.svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{chart.name}-", text.replace("xlink:href", "href"))
    text = re.sub("|".join(VARIABLES), lambda found: f"var({VARIABLES[found[0]]})", text)
    text = re.sub(r"font-family: [^;\"]*; ", "", text)
    text = re.sub(r">\s+<", "><", text)
    text = re.sub(r'(?<= d=")[^"]*', lambda found: " ".join(found[0].split()), text)
    head, _, body = text.partition(">")
    view_box = re.search(r'viewBox="[^"]*"', head)
    assert view_box is not None
    ids = f"{chart.name}-title {chart.name}-description"
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {view_box[0]} role="img" aria-labelledby="{ids}">'
    names = (
        f'<title id="{chart.name}-title">{escape(chart.title)}</title>'
        f'<desc id="{chart.name}-description">{escape(chart.description)}</desc>'
    )
    return Markup(opening + names + body)
