"""The view on a terminal, through rich: wide tables, or stacked rows where there are fewer than 100 columns.

Everything is `Text`, never markup, so that a name with brackets stays a name. Colour only stresses what words say.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.engines import EAGER
from harness.values.estimate import Ratio

from .category_view import Categories
from .decode_view import ModelGroup, ModelRow
from .figures import UNKNOWN, clean, count, gib, number, percent, plus_minus, ratio_full, ratio_words
from .kernel_view import KernelGroup, usual_axes
from .step_view import step_words
from .view import View, explained_words

WIDE = 100
PIPED_COLUMNS = 120
"""Columns of a table that no terminal limits."""

CONFIG_COLUMNS = 28
"""Configs up to `triton_vecmat 128,256 w8 s2` stay on one line."""


class Report:
    """A rich renderable that chooses its layout by the width it is given."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        wide = options.max_width >= WIDE
        view = self.view
        yield from _head(view)
        yield from _summary(view)
        if view.kernels:
            yield from (Text(), _kernels_wide(view.kernels) if wide else _kernels_narrow(view.kernels))
        for table in view.categories:
            yield from (Text(), _categories(table, wide))
        for groups in (view.decodes, view.prefills):
            if groups:
                yield from (Text(), _models_wide(groups) if wide else _models_narrow(groups))
        yield Text()
        yield from _facts(view)
        if view.problems:
            yield from (Text(), _problems(view, wide))


def render(view: View) -> Report:
    """What `console.print` shows of a view."""
    return Report(view)


def console() -> Console:
    """Standard output: as wide as the terminal; a pipe gets wide tables without colour or cropping."""
    if sys.stdout.isatty():
        return Console()
    return Console(width=max(PIPED_COLUMNS, shutil.get_terminal_size((PIPED_COLUMNS, 24)).columns), color_system=None)


def plain(view: View, columns: int = PIPED_COLUMNS) -> str:
    """The same as text without colour, lines stripped of the blanks that tables end in."""
    out = io.StringIO()
    Console(file=out, width=columns, color_system=None, legacy_windows=False).print(render(view))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _head(view: View) -> Iterator[RenderableType]:
    head = view.headline
    yield Text(" · ".join([head.suite, *head.facts]), style="bold")
    run = f"run {head.run_id}" + (f" “{head.note}”" if head.note else "")
    yield Text(" · ".join([view.counts.sentence, *([head.state] if head.state != "complete" else []), run]))


def _summary(view: View) -> Iterator[RenderableType]:
    if view.trouble or view.summary:
        yield Text()
    yield from (Text(sentence, style="bold red") for sentence in view.trouble)
    yield from (Text(sentence) for sentence in view.summary)


def _table(*columns: tuple[str, str]) -> Table:
    """Borderless; a column is a heading and `l` (left), `n` (left, never broken) or `r` (right, never broken)."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, side in columns:
        table.add_column(
            Text(heading), justify="right" if side == "r" else "left", overflow="fold", no_wrap=side != "l"
        )
    return table


def _change(ratio: Ratio | None, full: bool = False) -> Text:
    if ratio is None:
        return Text()
    style = "dim" if not ratio.told_apart else "green" if ratio.value < 1 else "red"
    return Text(ratio_full(ratio) if full else ratio_words(ratio), style=style)


def _kernels_wide(groups: Sequence[KernelGroup]) -> Table:
    usual = usual_axes(groups)
    numbers = [("us per call", "r"), ("of read", "r"), ("in model", "r")]
    table = _table((f"kernel, cold, {usual}", "l"), ("arm", "l"), ("config", "l"), *numbers, ("", "n"))
    table.columns[2].no_wrap = all(len(row.config) <= CONFIG_COLUMNS for group in groups for row in group.rows)
    for group in groups:
        name = group.title(usual)
        for row in group.rows:
            in_model = f"{row.in_model:.2f}x" if row.in_model else UNKNOWN
            time = plus_minus(row.estimate) if row.estimate else UNKNOWN
            table.add_row(
                *_texts(name, ", ".join(row.arms), row.config, time, percent(row.bound_share), in_model),
                _change(row.ratio),
            )
            name = ""
        if group.left_out:
            table.add_row(*_texts("", "", f"{group.left_out} slower ones not shown"))
    return table


def _kernels_narrow(groups: Sequence[KernelGroup]) -> Table:
    usual = usual_axes(groups)
    table = _table((f"kernel, cold, {usual}", "l"), ("us per call", "r"), ("of read", "r"))
    for group in groups:
        table.add_row(Text(group.title(usual), style="bold"))
        for row in group.rows:
            time = plus_minus(row.estimate) if row.estimate else UNKNOWN
            table.add_row(*_texts(f"  {', '.join(row.arms)}", time, percent(row.bound_share)))
            table.add_row(Text(f"  {row.config}", style="dim"))
            if row.ratio:
                table.add_row(Text("  ").append_text(_change(row.ratio)))
    return table


def _categories(table: Categories, wide: bool) -> Table:
    """us per step of every arm; in the wide layout also share, launches and what reaching the floor would bring."""
    floors = any(row.floor_tok_s for row in table.rows)
    engine = "" if table.engine == EAGER else f", {table.engine}"
    headings = [(f"us per step, {table.unit}{engine}", "l"), *((arm, "r") for arm in table.arms)]
    if wide:
        headings += [(f"of {table.unit}, {table.arms[-1]}", "r"), ("launches", "r")]
        headings += [("of read", "r")] if table.moved else []
        headings += [("at its floor you would get", "r")] if floors else []
    shown, moved = _table(*headings), [""] if table.moved else []
    for row in (*table.rows, table.total):
        cells = [number(cell.step_us) if cell else UNKNOWN for cell in row.cells]
        last = row.cells[-1]
        more = [percent(last.share), count(last.launches)] if last else [UNKNOWN, UNKNOWN]
        more += [percent(row.read_share) if row is not table.total else ""] if table.moved else []
        floor = f"{row.floor_tok_s:,.0f} tok/s" if row.floor_tok_s else ""
        shown.add_row(*_texts(row.name, *cells, *((more + [floor] * floors) if wide else [])))
    if table.overlapping:
        cells = [f"-{number(us)}" if us else UNKNOWN for us in table.overlap_us]
        shown.add_row(*_texts("overlap of kernels", *cells))
    if any(between is not None for between in table.between_us):
        cells = [UNKNOWN if us is None else number(us) for us in table.between_us]
        floor = f"{table.between_floor_tok_s:,.0f} tok/s" if table.between_floor_tok_s else ""
        shown.add_row(*_texts("between kernels", *cells, *(["", "", *moved] + [floor] * floors if wide else [])))
        cells = [UNKNOWN if us is None else number(us, 4) for us in table.step_us]
        shown.add_row(*_texts(f"step ({table.step_engine})", *cells))
    return shown


def _models_wide(groups: Sequence[ModelGroup]) -> Table:
    decode = groups[0].kind == "decode"
    unit = "us per step" if decode else "ms per pass"
    numbers = [("tok/s", "r"), (unit, "r"), ("of bound", "r"), ("launches", "r"), ("peak GiB", "r")]
    table = _table((groups[0].kind, "l"), ("arm", "l"), *numbers, ("", "n"))
    for group in groups:
        name = group.title
        for row in group.rows:
            launches = f"{row.launches:,}" if row.launches else UNKNOWN
            time = plus_minus(row.time) if decode else number(row.time.value / 1e3)
            cells = (
                name,
                ", ".join(row.arms),
                plus_minus(row.tok_s),
                time,
                percent(row.bound_share),
                launches,
                gib(row.peak_bytes),
            )
            table.add_row(*_texts(*cells), _change(row.ratio))
            name = ""
    return table


def _models_narrow(groups: Sequence[ModelGroup]) -> Table:
    table = _table((groups[0].kind, "l"), ("tok/s", "r"), ("of bound", "r"))
    for group in groups:
        table.add_row(Text(group.title, style="bold"))
        for row in group.rows:
            table.add_row(*_texts(f"  {', '.join(row.arms)}", plus_minus(row.tok_s), percent(row.bound_share)))
            if row.ratio:
                table.add_row(Text("  ").append_text(_change(row.ratio)))
    return table


def _facts(view: View) -> Iterator[RenderableType]:
    """What stands below the tables, each with its word in front."""
    facts: list[tuple[str, str]] = [
        ("explained", f"{clean(entry.head)}: {explained_words(entry)}") for entry in view.explained
    ]
    facts += [("step", f"{entry.arm}, {entry.axes}: {step_words(entry)}") for entry in view.steps]
    facts += [("binaries", f"{found.arm}: {found.sentence}") for found in view.binaries]
    facts += [("outputs", sentence) for sentence in view.outputs]
    facts += [("first token", sentence) for sentence in _first_tokens(view.decodes)]
    if view.memory:
        facts.append(("memory" if "peak" in view.memory else "start", view.memory))
    if view.processes:
        worst = max(view.processes, key=lambda row: row.spread)
        many = len(worst.medians)
        facts.append(
            (
                "processes",
                f"medians of {many} processes differ by at most {percent(worst.spread)} ({worst.name}, {worst.arm})",
            )
        )
    facts += [("intervals", sentence) for sentence in view.intervals]
    facts += [("caution", sentence) for sentence in view.cautions]
    table = _table(("", "n"), ("", "l"))
    table.show_header = False
    before = ""
    for word, fact in facts:
        table.add_row(Text("" if word == before else word, style="dim"), Text(fact))
        before = word
    yield table


def _first_tokens(groups: Iterable[ModelGroup]) -> Iterator[str]:
    for group in groups:
        known: list[ModelRow] = [row for row in group.rows if row.first_token_us]
        times = ", ".join(f"{'/'.join(row.arms)} {number((row.first_token_us or 0) / 1e3)} ms" for row in known)
        if times:
            yield f"{group.title}: {times}"


def _problems(view: View, wide: bool) -> RenderableType:
    if wide:
        table = _table(("not measured", "l"), ("case", "l"), ("arm", "l"), ("why", "l"))
        for row in view.problems:
            table.add_row(Text(row.status, style="bold red"), *_texts(row.case, row.arm, row.reason))
        return table
    table = _table(("not measured", "l"))
    for row in view.problems:
        table.add_row(Text.assemble((row.status, "bold red"), f" {row.case}, {row.arm}"))
        table.add_row(Padding(Text(row.reason), (0, 0, 0, 2)))
    return table


def _texts(*cells: str) -> list[Text]:
    return [Text(cell) for cell in cells]
