"""`harness breakdown`: where the time of a trace went, and what changed between two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.options import AsJson

By = Literal["kernel", "op", "scope", "layer", "stream", "launch"]


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
    as_json: AsJson = False,
) -> None:
    """Where the time of a trace went (GPU time; without a GPU, CPU self time); of two, what changed as well."""
    from harness.trace import breakdown, difference, load_rules

    rules = load_rules(*([categories] if categories else []))
    profiles = [breakdown(trace, rules, steps=steps) for trace in traces]
    changed = difference(*profiles) if len(profiles) == 2 else None
    if as_json:
        from harness.cli.breakdown_json import document

        print(document(traces, profiles, changed))
        return
    from rich.console import Console

    from harness.cli.breakdown_table import render, render_difference

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)
    for trace, profile in zip(traces, profiles, strict=True):
        console.print(render(trace.name, profile, by, top))
    if changed:
        console.print(render_difference(changed, profiles[0], top))
