"""One HTML file: styles, script and charts inside it, readable without script, nothing fetched.

Jinja escapes every value; the page's content security policy allows its own script by hash and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from . import figures
from .drawing import GRID, INK, MUTED, PAPER, SERIES, Chart

TEMPLATES = Path(__file__).parent / "templates"

VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line", PAPER: "--card"} | {
    colour: f"--s{place}" for place, colour in enumerate(SERIES)
}
"""A chart's colours as the variables of the page, so that it follows the theme."""


@dataclass(frozen=True)
class Figure:
    title: str
    svg: Markup


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=figures.count,
        gib=figures.gib,
        number=figures.number,
        percent=figures.percent,
        plus_minus=figures.plus_minus,
        ratio_words=figures.ratio_words,
        seconds=figures.seconds,
    )
    return environment


def page(template: str, filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """A template that extends `page.html.j2`, with these filters beside those that all pages have."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = _environment().overlay()
    environment.filters = {**_environment().filters, **filters}
    return environment.get_template(template).render(
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        **values,
    )


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
