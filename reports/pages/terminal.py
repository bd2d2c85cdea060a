"""The view on a terminal: sentences and tables, fitted to the terminal's columns.

Everything is `Text`, never markup, so that a name with brackets stays a name. Colour only stresses the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from harness.engines import EAGER

from ..figures import clean, number, percent
from ..formats import console
from ..formats.terminal_table import STYLES, Shown
from ..table import Table
from ..tables.categories import categories
from ..tables.figures import outside_figures
from ..tables.kernels import kernels
from ..tables.models import models
from ..tables.packages import packages
from ..tables.quality import quality
from ..tables.run import pairs, problems
from ..views.category_view import Categories
from ..views.decode_view import ModelGroup
from ..views.kernel_view import timed_cold
from ..views.step_view import step_words
from ..views.view import View, explained_words

LABELS = ("Same call again", "Row alone")
"""Entries on data quality for which a terminal has no room beside each kernel."""


def render(view: View) -> Group:
    """The renderable of a view, for `console.print`."""
    parts: list[RenderableType] = [summary(view)]
    for table in tables(view):
        parts += [Text(), Shown(table)]
    parts += [Text(), Shown(pairs("facts", "Facts", "", _facts(view)))]
    if view.problems:
        parts += [Text(), Shown(problems(view).pick("status case arm reason", status="Not measured"))]
    return Group(*parts)


def summary(view: View) -> Group:
    """Its first lines: the run and the main results."""
    return Group(*_head(view), *_summary(view))


def plain(view: View, columns: int = console.PIPED_COLUMNS) -> str:
    """The same as text without colour."""
    return console.plain(render(view), columns=columns)


def _head(view: View) -> Iterator[RenderableType]:
    head = view.headline
    yield Text(" · ".join([head.suite, *head.facts]), style="bold")
    run = f"run {head.run_id}" + (f" “{head.note}”" if head.note else "")
    yield Text(" · ".join([view.counts.sentence, *([head.state] if head.state != "complete" else []), run]))


def _summary(view: View) -> Iterator[RenderableType]:
    if view.trouble or view.summary:
        yield Text()
    yield from (Text(sentence, style=STYLES["alarm"]) for sentence in view.trouble)
    yield from (Text(sentence) for sentence in view.summary)


def tables(view: View) -> Iterator[Table]:
    """Tables of kernels, categories, decode and prefill, for each kind that was measured."""
    if view.kernels:
        shown = "kernel arm config time_us read_share in_model energy_mj net_mj change repeats rows"
        heading = "kernel, cold" if timed_cold(view.kernels) else "benchmark"
        yield kernels(view).pick(shown, kernel=heading, change="")
    yield from map(_categories, view.categories)
    for groups in (view.decodes, view.prefills):
        if groups:
            yield models(view, groups).pick(
                "case arm tok_s time_us bound_share launches peak_bytes energy_mj net_mj change", change="",
            )  # fmt: skip
    if view.figures:
        yield outside_figures(view, view.figures).pick(
            "figure arm value unit per_s change peak_bytes energy_mj", change=""
        )
    if (found := quality(view, view.decodes)).rows:
        yield found.pick("case arm kl agree nll_change against_kl again tokens verdict")
    if (packed := packages(view, view.decodes)).rows:
        yield packed.pick("case arm entries compile_s tuning_s package_mb chosen same_again tok_s")


def _categories(table: Categories) -> Table:
    """us per step of every arm. With enough room, also share, launches and the decode rate at the floor."""
    arms = [f"us_{place}" for place in range(len(table.arms))]
    engine = "" if table.engine == EAGER else f", {table.engine}"
    return categories(table).pick(
        " ".join(["category", *arms, f"share_{len(arms) - 1} launches read_share floor_tok_s"]),
        category=f"us per step, {table.unit}{engine}", floor_tok_s="At its floor you would get, tok/s",
        launches="Launches", **dict.fromkeys(arms, "{}"), **{f"share_{len(arms) - 1}": f"of {table.unit}, {{}}"},
    )  # fmt: skip


def _facts(view: View) -> Iterator[tuple[str, str]]:
    """The lines below the tables, each with its head word."""
    yield from (("explained", f"{clean(entry.head)}: {explained_words(entry)}") for entry in view.explained)
    yield from (("step", f"{entry.arm}, {entry.axes}: {step_words(entry)}") for entry in view.steps)
    yield from (("binaries", f"{found.arm}: {found.sentence}") for found in view.binaries)
    yield from (("outputs", sentence) for sentence in view.outputs)
    yield from ((name.lower(), said) for name, said in view.quality if name in LABELS)
    yield from (("first token", sentence) for sentence in _first_tokens(view.decodes))
    if view.memory:
        yield "memory" if "peak" in view.memory else "start", view.memory
    if view.processes:
        worst = max(view.processes, key=lambda strip: strip.apart)
        apart = f"differ by at most {percent(worst.apart)} ({worst.name}, {worst.arm})"
        yield "processes", f"medians of {len(worst.medians)} processes {apart}"
    yield from (("energy", sentence) for sentence in view.energy)
    yield from (("intervals", sentence) for sentence in view.intervals)
    yield from (("caution", sentence) for sentence in view.cautions)


def _first_tokens(groups: Iterable[ModelGroup]) -> Iterator[str]:
    for group in groups:
        firsts = ((row, row.measurement.first_token_us) for row in group.rows)
        times = ", ".join(f"{'/'.join(row.arms)} {number(us / 1e3)} ms" for row, us in firsts if us)
        if times:
            yield f"{group.title}: {times}"
