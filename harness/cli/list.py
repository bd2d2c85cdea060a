"""`harness list`: the cases of a suite, one by one, without touching a device or importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, csv

PIPED_WIDTH = 200
"""Width in columns when the output is not a terminal: wide enough that no id is cut."""


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    arms: Arms = "",
    match: Match = "",
    as_json: AsJson = False,
) -> None:
    """List a suite's cases and the variant that each runs. Needs no torch."""
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
