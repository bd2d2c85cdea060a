"""The view as Markdown for a pull request or a CI log: verdict first, tables, the environment folded away.

Names of cases, arms and kernels are code spans. All other user text is escaped. Neither can open a table cell, a tag, a
link or a mention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.values.verdict import Comparison

from ..charts.drawing import Chart
from ..figures import percent
from ..formats import markdown_table
from ..formats.budget import Block, fit
from ..formats.markdown_cells import code, folded, prose, text
from ..table import Table
from ..tables.categories import categories, totals
from ..tables.figures import outside_figures
from ..tables.kernels import kernels, kernels_heading
from ..tables.models import models
from ..tables.packages import packages
from ..tables.quality import quality
from ..tables.run import binaries, machine, problems, processes
from ..views.category_view import Categories
from ..views.step_view import step_words
from ..views.view import View, explained_words
from .comparison_markdown import blocks as comparison_blocks

MOST_KERNEL_ROWS = 60
"""Rows of the kernel table. A pull request takes 65,536 characters."""
MOST_BYTES = 2**30
"""Size limit of the page: in effect none."""


def render(view: View, charts: Sequence[Chart] = (), comparison: Comparison | None = None) -> str:
    """The whole page. charts: linked as files beside it, by name and `.svg`. comparison: with a base; its verdict then
    comes first."""
    links = linked(charts)
    title, *head = _head(view)
    against = list(comparison_blocks(comparison)) if comparison is not None else []
    blocks: list[Block] = [title, *against[:1], *head]
    if against:
        blocks += ["### Against the base", *against[1:]]
    if view.decodes:
        blocks += ["### Decode, end to end", links.get("decode", ""), models(view, view.decodes)]
        blocks += [found for found in (quality(view, view.decodes), packages(view, view.decodes)) if found.rows]
        blocks += ["\n".join(explained(view)), *(text(sentence) for sentence in view.outputs), text(view.memory)]
    if view.figures:
        blocks += ["### Figures", outside_figures(view, view.figures)]
    for table in view.categories:
        blocks += ["### Decode step by category", links.pop("categories", ""), _categories(table)]
        blocks += [_steps(view, table), _published(table)]
    if view.kernels:
        blocks += [f"### {kernels_heading(view)}", links.get("kernels", ""), *_kernels(view)]
        blocks.append(links.get("roofline", ""))
    blocks += _binaries(view)
    if view.prefills:
        blocks += ["### Prefill", models(view, view.prefills)]
    if view.problems:
        blocks += ["### Not measured", problems(view)]
    each = markdown_table.render(processes(view)) if view.processes else ""
    blocks += [folded("Every process by itself", each) if each else "", again(view, ("Started", view.headline.started))]
    return fit(blocks, MOST_BYTES)


def _head(view: View) -> Iterator[str]:
    head = view.headline
    yield f"## {text(head.title)}"
    yield from (f"**{text(sentence)}**" for sentence in (*view.trouble, *view.summary))
    yield text(" · ".join(head.facts))
    note = f", “{text(head.note)}”" if head.note else ""
    yield f"{text(view.counts.sentence)}. Run {text(head.run_id)}{note}."
    yield from (prose(paragraph) for paragraph in head.analysis)


def linked(charts: Sequence[Chart]) -> dict[str, str]:
    """The image link of each chart, by the chart's name."""
    return {chart.name: f"![{text(chart.title)}]({chart.name}.svg)" for chart in charts}


def explained(view: View) -> Iterator[str]:
    """One list item for each pair of arms."""
    for entry in view.explained:
        who = f"{code(entry.head)} against {code(entry.base)}, {text(entry.title)}"
        yield f"- Do the kernels explain it? {who}: {text(explained_words(entry))}."


def _categories(table: Categories) -> Table:
    """us per step of every arm, including the time that no kernel fills."""
    arms = [f"us_{place}" for place in range(len(table.arms))]
    return categories(table).pick(
        " ".join(["category", *arms, "launches mb gb_s read_share floor_tok_s"]),
        category="us per decode step", floor_tok_s="At its floor you would get, tok/s", **dict.fromkeys(arms, "{}"),
    )  # fmt: skip


def _steps(view: View, table: Categories) -> str:
    """Sentences on the parts of the steps in this table's profiles."""
    mine = [entry for entry in view.steps if (entry.axes, entry.engine) == (table.axes, table.engine)]
    return "\n".join(f"- Do its kernels explain the step? {code(e.arm)}: {text(step_words(e))}." for e in mine)


def _published(table: Categories) -> str:
    """Category | Total (ms) | % GPU, one table an arm, folded."""
    blocks = []
    for place, arm in enumerate(table.kernels):
        title = f"{code(arm.arm)}, {table.steps} {text(table.engine)} decode steps, {text(table.axes)}:"
        blocks += [title, markdown_table.render(totals(table, [place]))]
        unmatched = ", ".join(f"{code(line.name)} ({percent(arm.share(line))})" for line in arm.unmatched[:10])
        blocks += [f"No rule matched: {unmatched}"] if unmatched else []
    return folded("Totals of the profile", "\n\n".join(blocks))


def _kernels(view: View) -> Iterator[Block]:
    shown = "kernel arm config time_us change read_share in_model energy_mj net_mj repeats rows"
    found = kernels(view).pick(shown)
    yield replace(found, rows=found.rows[:MOST_KERNEL_ROWS])
    left = max(0, len(found.rows) - MOST_KERNEL_ROWS) + sum(group.left_out for group in view.kernels)
    if left:
        yield f"{left} more rows are in the HTML report or the store."


def _binaries(view: View) -> Iterator[str]:
    """One line for each arm, with its table folded."""
    if not view.binaries:
        return
    yield "### The compiled kernels"
    yield "\n".join(f"- {code(found.arm)}: {text(found.sentence)}." for found in view.binaries)
    tables = []
    for found in view.binaries:
        tables += [f"{code(found.arm)}:", markdown_table.render(binaries(found))]
        tables += [f"{code(place)}: {text(why)}" for place, why in found.not_read]
    yield folded("Registers, spills, loads and instructions per weight of every kernel", "\n\n".join(tables))


def again(view: View, *facts: tuple[str, str]) -> str:
    """The machine with more facts, the command, and notes on reading the figures, folded."""
    command = view.headline.command
    notes = (*view.intervals, *view.cautions, *view.energy, *view.methods)
    parts = (
        markdown_table.render(machine(view, *facts)),
        f"Measured by {code(command)}" if command else "",
        "\n".join(f"- {text(sentence)}" for sentence in notes),
    )
    return folded("Machine, method and how to measure it again", "\n\n".join(part for part in parts if part))
