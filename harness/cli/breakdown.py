"""`harness breakdown`: GPU time of a trace by category and kernel, and the difference between two traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.cli.options import AsJson
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.trace.difference import Difference
    from harness.trace.inputs.members import TraceFile
    from harness.trace.selection import Selection
    from harness.values.profile import Profile

By = Literal["kernel", "op", "scope", "layer", "stream", "launch", "device", "process", "step", "shape"]


def command(
    traces: Annotated[
        list[Path],
        typer.Argument(
            help="Traces: files (packed or not), folders, patterns or archives, recognized by their content."
        ),
    ],
    categories: Annotated[
        Path | None, typer.Option(help="Rules (YAML) applied before the shipped ones, or instead with `replace: true`.")
    ] = None,
    by: Annotated[By, typer.Option(help="Grouping of the second table.")] = "kernel",
    top: Annotated[int, typer.Option(min=0, help="Rows of the second table.")] = 12,
    steps: Annotated[
        str, typer.Option(help="Decode steps in each trace, to show us per step; or `2-5`: only these ProfilerSteps.")
    ] = "",
    skip: Annotated[int, typer.Option(min=0, help="Skip this many of the first ProfilerSteps.")] = 0,
    window: Annotated[
        str, typer.Option(help="START..END after the first row, in ms or with a unit (`200us..1.5ms`, `5..`).")
    ] = "",
    captured_by: Annotated[
        Path | None,
        typer.Option(
            help="An eager trace of the same program: its ops and modules are assigned to the kernels of graph replays."
        ),
    ] = None,
    ranks: Annotated[
        bool | None,
        typer.Option(
            "--ranks/--pair", help="The traces are, or are not, ranks of one job. Default: read from the files."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with every table to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every table to this file, as CSV.")] = None,
    as_json: AsJson = False,
) -> None:
    """Break down GPU time in traces by category and kernel. Diff two traces, or show which ranks waited. A trace
    without a GPU is broken down by CPU time."""
    from harness.cli.breakdown_ranks import show_ranks
    from harness.ranks.recognise import recognise
    from harness.trace.inputs.members import trace_files
    from harness.trace.selection import selection

    count, part = selection(steps, skip, window)
    with trace_files(traces) as files:
        found = recognise(files, ranks)
        if found is not None and part:
            raise HarnessError(f"{part}: of single traces alone, not of ranks; `--pair` takes the files one by one")
        if found is not None:
            show_ranks(found, categories, top, html, csv, as_json)
        else:
            _show(files, categories, captured_by, by, top, count, part, html, csv, as_json)


def _show(
    files: Sequence[TraceFile],
    categories: Path | None,
    captured_by: Path | None,
    by: By,
    top: int,
    steps: int,
    part: Selection,
    html: Path | None,
    csv: Path | None,
    as_json: bool,
) -> None:
    from harness.trace import breakdown, difference, load_rules, recorded_ops
    from harness.trace.inputs.titles import told_apart

    rules = load_rules(*([categories] if categories else []))
    known = recorded_ops(captured_by) if captured_by else None
    profiles = [breakdown(file.path, rules, steps=steps, selection=part, captured_by=known) for file in files]
    titles = told_apart([file.title for file in files])
    changed = difference(*profiles) if len(profiles) == 2 else None
    if html is not None:
        _write_page(html, titles, profiles, changed)
    if csv is not None:
        _write_tables(csv, titles, profiles, changed)
    if as_json:
        from harness_reports.documents.breakdowns import breakdown_text

        print(breakdown_text([file.title for file in files], profiles, changed))
        return
    if html is not None or csv is not None:
        print(*(file for file in (html, csv) if file is not None), sep="\n")
        return
    from harness_reports.formats.console import show
    from harness_reports.pages.breakdown import render, render_difference

    parts = [render(title, profile, by, top) for title, profile in zip(titles, profiles, strict=True)]
    show(*parts, *([render_difference(changed, profiles[0], top)] if changed else []))


def _write_page(path: Path, titles: Sequence[str], profiles: Sequence[Profile], changed: Difference | None) -> None:
    from harness.cli.output_file import write
    from harness_reports.pages.breakdown_page import render

    write("--html", path, render(titles, profiles, changed))


def _write_tables(path: Path, titles: Sequence[str], profiles: Sequence[Profile], changed: Difference | None) -> None:
    from harness.cli.output_file import write
    from harness_reports.formats.csv_table import render_all
    from harness_reports.pages.breakdown_page import every_table

    write("--csv", path, render_all(every_table(titles, profiles, changed)))
