"""`harness list`: what a suite would do, case by case, without touching a device or importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, csv

PIPED_WIDTH = 200
"""Columns where nobody looks: wide enough that no id is cut."""


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    arms: Arms = "",
    match: Match = "",
    as_json: AsJson = False,
) -> None:
    """Print what a suite asks, and which variants answer it. Needs no torch."""
    from harness.plan import expand
    from harness.suite.load import load_suite

    plan = expand(load_suite(suite), arms=csv(arms) or None, match=match or None)
    if as_json:
        from harness_reports.documents.plans import plan_text

        print(plan_text(plan))
        return
    from harness_reports.formats.console import show
    from harness_reports.pages.plan import render

    show(render(plan), columns=PIPED_WIDTH)
