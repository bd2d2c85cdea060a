"""The view as one HTML file: styles, script and charts inside it, readable without script, nothing fetched.

Jinja escapes every value; the page's content security policy allows its own script by hash and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.values.estimate import Estimate, Ratio

from . import figures
from .category_view import Categories
from .decode_view import ModelGroup
from .drawing import GRID, INK, MUTED, PAPER, SERIES, Chart
from .kernel_view import KernelGroup, KernelRow
from .view import View, explained_words

TEMPLATES = Path(__file__).parent / "templates"
MOST_CARDS = 6

VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line", PAPER: "--card"} | {
    colour: f"--s{place}" for place, colour in enumerate(SERIES)
}
"""A chart's colours as the variables of the page, so that it follows the theme."""


@dataclass(frozen=True)
class Card:
    """One result in large type. tone: a class of the style sheet, which only stresses what the words say."""

    what: str
    big: str
    small: str
    tone: str


@dataclass(frozen=True)
class Figure:
    title: str
    svg: Markup


def render(view: View, charts: Sequence[Chart] = ()) -> str:
    """The whole page as text; `charts` are drawn inline."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment(view).get_template("report.html.j2").render(
        view=view,
        charts={chart.name: Figure(chart.title, inline_svg(chart)) for chart in charts},
        sections=tuple(_sections(view)),
        alerts=view.trouble,
        cards=tuple(_cards(view))[:MOST_CARDS],
        process_count=max((len(row.medians) for row in view.processes), default=0),
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
    )  # fmt: skip


def _environment(view: View) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    arms = {arm: place % len(SERIES) for place, arm in enumerate(view.arms)}
    environment.filters.update(
        count=figures.count,
        error=_error,
        explained=explained_words,
        gib=figures.gib,
        interval=_interval,
        ms=lambda us: figures.number(us / 1e3),
        ns_as_ms=lambda ns: figures.grouped(ns / 1e6, 3),
        number=figures.number,
        percent=figures.percent,
        place=lambda arm: arms.get(arm, 0),
        plain_value=_plain_value,
        prose=_prose,
        ratio_detail=_ratio_detail,
        ratio_words=figures.ratio_words,
        seconds=figures.seconds,
        tone=_tone,
    )
    environment.globals.update(first_arm=view.arms[0] if view.arms else "", has_floor=_has_floor, known=_known)
    return environment


def _sections(view: View) -> Iterator[tuple[str, str]]:
    present: Mapping[str, tuple[str, object]] = {
        "problems": ("Not measured", view.problems),
        "decode": ("Decode", view.decodes),
        "categories": ("Where it goes", view.categories),
        "kernels": ("Kernels", view.kernels),
        "prefill": ("Prefill", view.prefills),
        "processes": ("Processes", view.processes),
        "conditions": ("Machine and method", True),
    }
    yield from ((anchor, name) for anchor, (name, there) in present.items() if there)


def _cards(view: View) -> Iterator[Card]:
    for group in view.decodes:
        yield from _decode_cards(group)
    for kernel in view.kernels:
        yield from _kernel_cards(kernel)


def _decode_cards(group: ModelGroup) -> Iterator[Card]:
    first = group.rows[0]
    for row in group.rows:
        names = ", ".join(row.arms)
        if row.ratio:
            rates = f"{figures.number(first.tok_s.value)} → {figures.number(row.tok_s.value)} tok/s"
            small = f"{figures.ratio_interval(row.ratio)} · {rates}"
            what = f"Decode, {names} against {', '.join(first.arms)}, {group.title}"
            yield Card(what, figures.ratio_words(row.ratio), small, _tone(row.ratio))
        elif row is not first or len(group.rows) == 1:
            bound = (
                f"{figures.percent(row.bound_share)} of the bandwidth bound"
                if row.bound_share
                else f"{figures.plus_minus(row.time)} us per step"
            )
            yield Card(f"Decode, {names}, {group.title}", f"{figures.plus_minus(row.tok_s)} tok/s", bound, "")


def _kernel_cards(group: KernelGroup) -> Iterator[Card]:
    for row in group.rows:
        if row.ratio and row.estimate and not row.source.case.tunables_in_id:
            before = group.rows[0].estimate
            times = f"{figures.number(before.value)} → {figures.number(row.estimate.value)} us" if before else ""
            what = f"{group.name}, {group.axes}, {', '.join(row.arms)}"
            yield Card(
                what, figures.ratio_words(row.ratio), f"{figures.ratio_interval(row.ratio)} · {times}", _tone(row.ratio)
            )


def _known(groups: Sequence[ModelGroup] | Sequence[KernelGroup], name: str) -> bool:
    """Has any row a value for this column? One without is left out."""
    return any(getattr(row, name) is not None for group in groups for row in group.rows)


def _prose(text: str) -> Markup:
    """A paragraph of the suite, in which `names` in backticks are code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def _has_floor(table: Categories) -> bool:
    return any(row.floor_tok_s for row in table.rows)


def _tone(ratio: Ratio) -> str:
    if ratio.low <= 1 <= ratio.high:
        return "unclear"
    return "better" if ratio.value < 1 else "worse"


def _ratio_detail(ratio: Ratio) -> str:
    interval = figures.ratio_interval(ratio)
    return f"({ratio.words} {interval})" if ratio.low <= 1 <= ratio.high else interval


def _plain_value(estimate: Estimate) -> str:
    return figures.bracketed(estimate).partition(" ")[0]


def _interval(estimate: Estimate) -> str:
    return figures.bracketed(estimate).partition(" ")[2]


def _error(row: KernelRow) -> str:
    """`3.0e-4 (2e-3)`: rms error and what the op allows, both relative to the reference."""
    measurement = row.source.measurement
    found = measurement.correctness if measurement else None
    return f"{found.rms_error:.1e} ({found.allowed_rms_error:.0e})" if found else figures.UNKNOWN


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
