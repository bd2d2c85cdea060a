"""The view as one HTML file: the answer with one chart, then the sections, each with its chart and its table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from markupsafe import Markup, escape

from harness.compare.explain import Explanation
from harness.values.verdict import Comparison

from ..charts.drawing import Chart
from ..formats.html_table import broken_after_slashes
from ..table import Table
from ..tables import over_runs, run
from ..tables.categories import categories, totals
from ..tables.comparison import differences, ratio_words, verdicts
from ..tables.figures import outside_figures
from ..tables.kernels import kernels, profiled_kernels
from ..tables.models import models, reconciled
from ..tables.over_runs import samples
from ..tables.packages import packages
from ..tables.quality import quality
from ..tables.step_parts import step_parts
from ..views.explanation import lines
from ..views.glance_view import glance
from ..views.history_view import Trend
from ..views.outcome import MOST_NAMED, outcome
from ..views.view import View
from .comparison import side_words
from .html_frame import page
from .html_page import figures as drawn


def render(
    view: View,
    charts: Sequence[Chart] = (),
    comparison: Comparison | None = None,
    trends: Sequence[Trend] = (),
    explanation: Explanation = Explanation(),
) -> str:
    """The whole page as text, with `charts` drawn inline."""
    return page(
        "report.html.j2",
        {"prose": _prose, "name": broken_after_slashes},
        view=view,
        charts=drawn(charts),
        sections=tuple(_sections(view, comparison, trends)),
        glance=glance(view, comparison, explanation),
        explained=list(lines(explanation)),
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
    "reconciled": reconciled,
    "samples": samples,
    "step_parts": step_parts,
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
        "categories": ("Categories", view.categories),
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


def _prose(text: str) -> Markup:
    """A paragraph of the suite, in which `names` in backticks are code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))
