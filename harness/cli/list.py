"""`harness list`: what a suite would do, case by case, without touching a device or importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.options import Arms, AsJson, Match, csv

if TYPE_CHECKING:
    from harness.values.suite import Plan

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
        print(_json(plan))
        return
    from harness import reports_root

    reports_root.bind()
    from harness_reports.formats.console import show
    from harness_reports.plan import render

    show(render(plan), columns=PIPED_WIDTH)


def _json(plan: Plan) -> str:
    import msgspec

    suite = plan.suite
    unmeasured: dict[str, Any] = {"status": None, "samples": [], "estimate": None}
    document = {
        "schema": 1,
        "suite": suite.name,
        "title": suite.title,
        "model": suite.model,
        "kernels_root": suite.kernels_root,
        "arms": plan.arms,
        "cases": [{"id": c.id, **msgspec.to_builtins(c), **unmeasured, "reason": c.problem or ""} for c in plan.cases],
        "answers": {arm: {call.label: answer for call, answer in found.items()} for arm, found in plan.answers.items()},
    }
    return msgspec.json.encode(document).decode()
