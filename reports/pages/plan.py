"""The plan of a suite on a terminal."""

from __future__ import annotations

from rich.console import ConsoleRenderable, Group
from rich.text import Text

from harness.values.suite import Plan

from ..formats.terminal_table import Shown
from ..tables.plan import cases, changes, model


def render(plan: Plan) -> Group:
    """The suite on one line, its cases, and the whole model."""
    suite = plan.suite
    same = sum(case.same_as is not None for case in plan.cases)
    counts = f"{len(plan.cases)} cases" + (f", {same} of them the same as another" if same else "")
    parts = [suite.name, suite.title, suite.model, suite.dtype_label, f"routing {suite.routing}", counts]
    if not suite.architecture:
        parts = [suite.name, suite.title, *filter(None, [suite.model, suite.dtype_label]), counts]
    shown: list[ConsoleRenderable | str] = [Text(" · ".join(parts), style="bold"), "", Shown(cases(plan))]
    if suite.architecture or suite.module:
        whole = model(plan) if suite.module is None else changes(plan)
        shown += ["", Text(whole.title), Shown(whole)]
    return Group(*shown)
