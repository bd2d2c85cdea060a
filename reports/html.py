"""The view as one HTML file: results in large type, then the sections, each with its chart and its table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from harness.values.estimate import Estimate, Ratio
from harness.values.verdict import Comparison

from . import comparison_html, figures
from .binary_view import HEADINGS, cells
from .category_view import Categories
from .decode_view import ModelGroup
from .drawing import SERIES, Chart
from .history_view import Trend
from .html_page import Figure, inline_svg, page
from .kernel_view import KernelGroup, KernelRow, is_sweep
from .outcome import MOST_NAMED
from .small_charts import spark_svg, strip_svg
from .step_view import step_words
from .view import View, explained_words

MOST_CARDS = 6


@dataclass(frozen=True)
class Card:
    """One result in large type. tone: a class of the style sheet, which only stresses what the words say."""

    what: str
    big: str
    small: str
    tone: str


def render(
    view: View, charts: Sequence[Chart] = (), comparison: Comparison | None = None, trends: Sequence[Trend] = ()
) -> str:
    """The whole page as text; `charts` are drawn inline."""
    return page(
        "report.html.j2",
        _filters(view) | comparison_html.FILTERS,
        view=view,
        charts={chart.name: Figure(chart.title, inline_svg(chart)) for chart in charts},
        sections=tuple(_sections(view, comparison, trends)),
        alerts=view.trouble,
        cards=tuple(_cards(view))[:MOST_CARDS],
        comparison=comparison,
        most_named=MOST_NAMED,
        trends=trends,
        binary_headings=HEADINGS,
        strips=view.strips,
        process_count=max((len(row.medians) for row in view.processes), default=0),
        arm_count=len(view.arms),
        first_arm=view.arms[0] if view.arms else "",
        held_against="the fastest" if is_sweep(view.kernels) else view.arms[0] if view.arms else "",
        has_floor=_has_floor,
        known=_known,
    )


def _filters(view: View) -> dict[str, Callable[..., Any]]:
    arms = {arm: place % len(SERIES) for place, arm in enumerate(view.arms)}
    return {
        "binary_cells": cells,
        "error": _error,
        "explained": explained_words,
        "interval": _interval,
        "ms": lambda us: figures.number(us / 1e3),
        "ns_as_ms": lambda ns: figures.grouped(ns / 1e6, 3),
        "place": lambda arm: arms.get(arm, 0),
        "plain_value": _plain_value,
        "prose": _prose,
        "ratio_detail": _ratio_detail,
        "spark": spark_svg,
        "step_words": step_words,
        "strip_svg": strip_svg,
        "tone": _tone,
        "trend_change": _trend_change,
    }


def _sections(view: View, comparison: Comparison | None, trends: Sequence[Trend]) -> Iterator[tuple[str, str]]:
    present: Mapping[str, tuple[str, object]] = {
        "verdicts": ("Verdicts", comparison),
        "problems": ("Not measured", view.problems),
        "decode": ("Decode", view.decodes),
        "categories": ("Where it goes", view.categories),
        "kernels": ("Kernels", view.kernels),
        "binaries": ("Binaries", view.binaries),
        "landscape": ("Landscape", view.terrains),
        "prefill": ("Prefill", view.prefills),
        "history": ("History", trends),
        "processes": ("Processes", view.processes),
        "samples": ("Samples", view.strips),
        "quality": ("Data quality", view.quality),
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
            small = f"{row.ratio.interval} · {rates}"
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
            yield Card(what, figures.ratio_words(row.ratio), f"{row.ratio.interval} · {times}", _tone(row.ratio))


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
    if not ratio.told_apart:
        return "unclear"
    return "better" if ratio.value < 1 else "worse"


def _ratio_detail(ratio: Ratio) -> str:
    return ratio.interval if ratio.told_apart else f"({ratio.words} {ratio.interval})"


def _plain_value(estimate: Estimate) -> str:
    return figures.bracketed(estimate).partition(" ")[0]


def _interval(estimate: Estimate) -> str:
    return figures.bracketed(estimate).partition(" ")[2]


def _error(row: KernelRow) -> str:
    """`3.0e-4 (2e-3)`: rms error and what the op allows, both relative to the reference."""
    measurement = row.source.measurement
    found = measurement.correctness if measurement else None
    return f"{found.rms_error:.1e} ({found.allowed_rms_error:.0e})" if found else figures.UNKNOWN


def _trend_change(trend: Trend) -> str:
    """Of the points under the present conditions, the last against the first: no verdict, the runs are far apart."""
    first, last = trend.points[trend.since].time, trend.points[-1].time
    if first is last:
        return "-"
    ratio = Ratio(last.value / first.value, last.low / first.high, last.high / first.low, last.confidence, last.n, "")
    return figures.ratio_full(ratio)
