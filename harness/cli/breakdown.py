"""`harness breakdown`: where the time of a trace went, and what changed between two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.trace.difference import Difference
    from harness.values.profile import Profile

By = Literal["kernel", "op", "scope", "layer", "stream", "launch", "device", "process"]


def command(
    traces: Annotated[
        list[Path], typer.Argument(help="Traces of torch.profiler: .json, .json.gz, .tar.gz, by content.")
    ],
    categories: Annotated[
        Path | None, typer.Option(help="Rules (YAML) that go before the shipped ones, or `replace: true` them.")
    ] = None,
    by: Annotated[By, typer.Option(help="What the second table lists.")] = "kernel",
    top: Annotated[int, typer.Option(min=0, help="Rows of the second table.")] = 12,
    steps: Annotated[int, typer.Option(min=0, help="Decode steps in each trace, for us per step.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page with every table to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Where the time of a trace went; of two, what changed too. GPU time; without a GPU, CPU self time."""
    from harness.trace import breakdown, difference, load_rules

    rules = load_rules(*([categories] if categories else []))
    profiles = [breakdown(trace, rules, steps=steps) for trace in traces]
    changed = difference(*profiles) if len(profiles) == 2 else None
    if html is not None:
        _write_page(html, traces, profiles, changed)
    if as_json:
        from harness_reports.documents.breakdowns import breakdown_text

        print(breakdown_text([str(trace) for trace in traces], profiles, changed))
        return
    if html is not None:
        print(html)
        return
    from harness_reports.formats.console import show
    from harness_reports.pages.breakdown import render, render_difference

    parts = [render(trace.name, profile, by, top) for trace, profile in zip(traces, profiles, strict=True)]
    show(*parts, *([render_difference(changed, profiles[0], top)] if changed else []))


def _write_page(path: Path, traces: Sequence[Path], profiles: Sequence[Profile], changed: Difference | None) -> None:
    from harness.cli.output_file import write
    from harness_reports.pages.breakdown_page import render

    write("--html", path, render([trace.name for trace in traces], profiles, changed))
