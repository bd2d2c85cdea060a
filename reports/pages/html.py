"""The view as one HTML file: results in large type, then the sections, each with its chart and its table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.values.verdict import Comparison

from .. import figures
from ..charts.drawing import Chart
from ..formats.html_table import broken_after_slashes
from ..table import Change, Table
from ..tables import over_runs, run
from ..tables.categories import categories, totals
from ..tables.comparison import differences, ratio_words, verdicts
from ..tables.figures import outside_figures
from ..tables.kernels import kernels, profiled_kernels
from ..tables.models import models
from ..tables.over_runs import samples
from ..tables.packages import packages
from ..tables.quality import quality
from ..views.decode_view import ModelGroup
from ..views.history_view import Trend
from ..views.kernel_view import KernelGroup
from ..views.outcome import MOST_NAMED, outcome
from ..views.step_view import step_words
from ..views.view import View, explained_words
from .comparison import side_words
from .html_frame import page
from .html_page import figures as drawn

MOST_CARDS = 6


@dataclass(frozen=True)
class Card:
    """One result in large type. tone: a class of the style sheet, which only stresses the meaning of the words."""

    what: str
    big: str
    small: str
    tone: str


def render(
    view: View, charts: Sequence[Chart] = (), comparison: Comparison | None = None, trends: Sequence[Trend] = ()
) -> str:
    """The whole page as text, with `charts` drawn inline."""
    return page(
        "report.html.j2",
        {"explained": explained_words, "prose": _prose, "step_words": step_words, "name": broken_after_slashes},
        view=view,
        charts=drawn(charts),
        sections=tuple(_sections(view, comparison, trends)),
        cards=tuple(_cards(view))[:MOST_CARDS],
        comparison=comparison,
        sides=[side_words(side) for side in (comparison.base, comparison.head)] if comparison else (),
        outcome=outcome(comparison) if comparison else None,
        most_named=MOST_NAMED,
        trends=trends,
        tables=TABLES,
        ratio_words=ratio_words,
    )


TABLES: Mapping[str, Callable[..., Table]] = {
    "binaries": run.binaries,
    "categories": categories,
    "differences": differences,
    "figures": outside_figures,
    "kernels": kernels,
    "models": models,
    "packages": packages,
    "problems": run.problems,
    "processes": run.processes,
    "profiled": profiled_kernels,
    "quality": quality,
    "samples": samples,
    "totals": totals,
    "trends": lambda found: over_runs.trends(found).without(["suite"]),
    "verdicts": lambda found: verdicts(found).pick(
        "case verdict ratio outputs apart base head unit gate units reason", gate="Gate"
    ),
}
"""Tables that the template uses, by name."""


def _sections(view: View, comparison: Comparison | None, trends: Sequence[Trend]) -> Iterator[tuple[str, str]]:
    present: Mapping[str, tuple[str, object]] = {
        "verdicts": ("Verdicts", comparison),
        "problems": ("Not measured", view.problems),
        "decode": ("Decode", view.decodes),
        "figures": ("Figures", view.figures),
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
            yield Card(what, figures.ratio_words(row.ratio), small, Change(row.ratio).tone)
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
            yield Card(what, figures.ratio_words(row.ratio), f"{row.ratio.interval} · {times}", Change(row.ratio).tone)


def _prose(text: str) -> Markup:
    """A paragraph of the suite, in which `names` in backticks are code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))
