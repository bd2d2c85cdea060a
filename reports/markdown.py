"""The view as Markdown for a pull request or a CI log: verdict first, tables, the environment folded away.

Names of cases, arms and kernels are code spans, everything else that a user wrote is escaped: neither can open a table
cell, a tag, a link or a mention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.values.verdict import Comparison

from .binary_view import HEADINGS, cells
from .budget import Block, fit
from .category_view import Categories, CategoryRow
from .comparison_markdown import blocks as comparison_blocks
from .decode_view import ModelGroup
from .drawing import Chart
from .figures import UNKNOWN, bracketed, count, gib, grouped, number, percent, ratio_full, seconds
from .kernel_view import KernelGroup, is_sweep
from .markdown_cells import code, folded, prose, table_of, text
from .step_view import step_words
from .view import View, explained_words

MOST_KERNEL_ROWS = 60
"""Rows of the kernel table; a pull request takes 65,536 characters."""
MOST_BYTES = 2**30
"""Of the page: everything."""


def render(view: View, charts: Sequence[Chart] = (), comparison: Comparison | None = None) -> str:
    """The whole page; `charts` are linked as files beside it, by name and `.svg`. comparison: with a base; then its
    verdict comes before all else."""
    links = {chart.name: f"![{text(chart.title)}]({chart.name}.svg)" for chart in charts}
    title, *head = _head(view)
    against = list(comparison_blocks(comparison)) if comparison is not None else []
    blocks: list[Block] = [title, *against[:1], *head]
    if against:
        blocks += ["### Against the base", *against[1:]]
    if view.decodes:
        blocks += ["### Decode, end to end", links.get("decode", ""), _models(view, view.decodes)]
        blocks += [_explained(view), *(text(sentence) for sentence in view.outputs), text(view.memory)]
    for table in view.categories:
        blocks += ["### Where a decode step goes", links.pop("categories", ""), _categories(table)]
        blocks += [_steps(view, table), _published(table)]
    if view.kernels:
        blocks += ["### Kernels, timed alone with cold weights", links.get("kernels", ""), *_kernels(view)]
        blocks.append(links.get("roofline", ""))
    blocks += _binaries(view)
    if view.prefills:
        blocks += ["### Prefill", _models(view, view.prefills)]
    if view.problems:
        rows = ([code(row.case), code(row.arm), row.status, text(row.reason)] for row in view.problems)
        blocks += ["### Not measured", table_of(["Case", "Arm", "Status", "Why"], rows)]
    blocks += [folded("Every process by itself", _processes(view)) if view.processes else "", _environment(view)]
    return fit(blocks, MOST_BYTES)


def _head(view: View) -> Iterator[str]:
    head = view.headline
    yield f"## {text(head.title)}"
    yield from (f"**{text(sentence)}**" for sentence in (*view.trouble, *view.summary))
    yield text(" · ".join(head.facts))
    note = f", “{text(head.note)}”" if head.note else ""
    yield f"{text(view.counts.sentence)}. Run {text(head.run_id)}{note}."
    yield from (prose(paragraph) for paragraph in head.analysis)


def _names(arms: Sequence[str]) -> str:
    return ", ".join(code(arm) for arm in arms)


def _models(view: View, groups: Sequence[ModelGroup]) -> str:
    decode = groups[0].kind == "decode"
    headings = [
        "Case",
        "Arm",
        "tok/s",
        f"us per {'step' if decode else 'pass'}",
        f"Against {code(view.arms[0])}",
        "Of bound",
    ]
    headings += ["Launches", "Peak GiB", "Capture, s", "First token, ms"] if decode else ["Peak GiB"]
    rows = []
    for group in groups:
        for row in group.rows:
            cells = [text(group.title), _names(row.arms), bracketed(row.tok_s), bracketed(row.time)]
            cells += [ratio_full(row.ratio) if row.ratio else UNKNOWN, percent(row.bound_share)]
            if decode:
                first_ms = number(row.first_token_us / 1e3) if row.first_token_us else UNKNOWN
                launches = UNKNOWN if row.launches is None else count(row.launches)
                cells += [launches, gib(row.peak_bytes), seconds(row.capture_s), first_ms]
            else:
                cells.append(gib(row.peak_bytes))
            rows.append(cells)
    return table_of(headings, rows, right=(2, 3, 5, 6, 7, 8, 9))


def _explained(view: View) -> str:
    return "\n".join(
        f"- Do the kernels explain it? {code(entry.head)} against {code(entry.base)}, {text(entry.title)}: "
        f"{text(explained_words(entry))}."
        for entry in view.explained
    )


def _categories(table: Categories) -> str:
    """us per step of every arm, with what no kernel fills."""
    floors = any(row.floor_tok_s for row in table.rows)
    headings = ["us per decode step", *(code(arm) for arm in table.arms), f"Launches, {code(table.arms[-1])}"]
    headings += ["MB", "GB/s", "Of read"] if table.moved else []
    headings += ["At its floor you would get, tok/s"] if floors else []
    rows = []
    for row in (*table.rows, table.total):
        last = row.cells[-1]
        cells = [text(row.name), *(number(cell.step_us) if cell else UNKNOWN for cell in row.cells)]
        cells.append(count(last.launches) if last else UNKNOWN)
        cells += _moved(row) if table.moved else []
        rows.append(cells + ([number(row.floor_tok_s) if row.floor_tok_s else ""] if floors else []))
    unmoved = ["", "", ""] if table.moved else []
    if table.overlapping:
        overlap = (f"-{number(us)}" if us else UNKNOWN for us in table.overlap_us)
        rows.append(["overlap of kernels", *overlap, "", *unmoved] + [""] * floors)
    if table.step_engine:
        between = table.between_floor_tok_s
        extra = [number(between) if between else ""] if floors else []
        rows.append(
            [
                "between kernels",
                *(UNKNOWN if us is None else number(us) for us in table.between_us),
                "",
                *unmoved,
                *extra,
            ]
        )
        steps = (UNKNOWN if us is None else number(us, 4) for us in table.step_us)
        rows.append([f"step, {text(table.step_engine)}", *steps, "", *unmoved] + [""] * floors)
    return table_of(headings, rows, right=range(1, len(headings)))


def _moved(row: CategoryRow) -> list[str]:
    """Least bytes of the last arm's step, over the time of its kernels, and that as a share of the read bandwidth."""
    if row.least_bytes is None or row.gb_s is None:
        return [UNKNOWN, UNKNOWN, UNKNOWN]
    return [number(row.least_bytes / 1e6), number(row.gb_s), percent(row.read_share)]


def _steps(view: View, table: Categories) -> str:
    """What the steps of this table's profiles are made of."""
    mine = [entry for entry in view.steps if (entry.axes, entry.engine) == (table.axes, table.engine)]
    return "\n".join(f"- Do its kernels explain the step? {code(e.arm)}: {text(step_words(e))}." for e in mine)


def _published(table: Categories) -> str:
    """Category | Total (ms) | % GPU, one table an arm, folded."""
    blocks = []
    for place, arm in enumerate(table.kernels):
        cells = [(row.name, row.cells[place]) for row in (*table.rows, table.total)]
        rows = [[text(name), grouped(cell.total_ns / 1e6, 3), percent(cell.share)] for name, cell in cells if cell]
        title = f"{code(arm.arm)}, {table.steps} {text(table.engine)} decode steps, {text(table.axes)}:"
        blocks += [title, table_of(["Category", "Total (ms)", f"% {table.unit}"], rows, right=(1, 2))]
        if arm.unmatched:
            blocks.append(
                "No rule matched: "
                + ", ".join(f"{code(line.name)} ({percent(line.share)})" for line in arm.unmatched[:10])
            )
    return folded("Totals of the profile", "\n\n".join(blocks))


def _kernels(view: View) -> Iterator[str]:
    against = "the fastest" if is_sweep(view.kernels) else code(view.arms[0])
    headings = ["Kernel", "Arm", "Config", "us per call", f"Against {against}", "Of read", "In model"]
    rows = [_kernel_cells(group, place) for group in view.kernels for place in range(len(group.rows))]
    yield table_of(headings, rows[:MOST_KERNEL_ROWS], right=(3, 5, 6))
    left = max(0, len(rows) - MOST_KERNEL_ROWS) + sum(group.left_out for group in view.kernels)
    if left:
        yield f"{left} more rows are in the HTML report or the store."


def _kernel_cells(group: KernelGroup, place: int) -> list[str]:
    row = group.rows[place]
    in_model = f"{row.in_model:.2f}x" if row.in_model else UNKNOWN
    time = bracketed(row.estimate) if row.estimate else UNKNOWN
    change = ratio_full(row.ratio) if row.ratio else UNKNOWN
    return [
        f"{code(group.name)}, {text(group.axes)}",
        _names(row.arms),
        code(row.config),
        time,
        change,
        percent(row.bound_share),
        in_model,
    ]


def _binaries(view: View) -> Iterator[str]:
    """The line of every arm, the tables folded."""
    if not view.binaries:
        return
    yield "### What the kernels were compiled to"
    yield "\n".join(f"- {code(found.arm)}: {text(found.sentence)}." for found in view.binaries)
    tables = []
    for found in view.binaries:
        rows = [[code(name), code(kernel), *map(text, rest)] for name, kernel, *rest in map(cells, found.rows)]
        tables += [f"{code(found.arm)}:", table_of(HEADINGS, rows, right=range(2, len(HEADINGS)))]
        tables += [f"{code(place)}: {text(why)}" for place, why in found.not_read]
    yield folded("Registers, spills, loads and instructions per weight of every kernel", "\n\n".join(tables))


def _processes(view: View) -> str:
    most = max(len(row.medians) for row in view.processes)
    headings = ["Median", "Arm", *(f"Process {number}" for number in range(1, most + 1)), "Spread"]
    rows = []
    for row in view.processes:
        medians = [number(value, 4) for value in row.medians] + [UNKNOWN] * (most - len(row.medians))
        rows.append([f"{text(row.name)}, {row.unit}", code(row.arm), *medians, percent(row.spread)])
    return table_of(headings, rows, right=range(2, most + 3))


def _environment(view: View) -> str:
    head = view.headline
    rows = [[text(name), text(value)] for name, value in head.environment]
    blocks = [table_of(["Machine", ""], [*rows, ["Started", text(head.started)]])]
    if head.command:
        blocks.append(f"Measured by {code(head.command)}")
    blocks.append("\n".join(f"- {text(sentence)}" for sentence in (*view.intervals, *view.cautions, *view.methods)))
    return folded("Machine, method and how to measure it again", "\n\n".join(blocks))
