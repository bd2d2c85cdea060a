"""`harness list`: what a suite would do, case by case, without touching a device or importing torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.options import Arms, AsJson, Match, csv

if TYPE_CHECKING:
    from rich.console import Console

    from harness.values.case import Answer, Case
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
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        _print(plan, console)
        return
    wide = Console(width=PIPED_WIDTH)
    with wide.capture() as captured:
        _print(plan, wide)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


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


def _print(plan: Plan, console: Console) -> None:
    from rich.text import Text

    suite = plan.suite
    same = sum(case.same_as is not None for case in plan.cases)
    counts = f"{len(plan.cases)} cases" + (f", {same} of them the same as another" if same else "")
    head = " · ".join([suite.name, suite.title, suite.model, suite.dtype_label, f"routing {suite.routing}", counts])
    console.print(Text(head, style="bold"))
    console.print()
    console.print(_cases(plan.cases))
    console.print()
    console.print(_model(plan))


def _cases(cases: Sequence[Case]) -> Any:
    """One row for each measurement; a question is named in the first of its rows."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("case", "axes", "arm", "answer"):
        table.add_column(name, overflow="fold")
    table.add_column("calls", justify="right")
    table.add_column("", overflow="fold")
    last = ""
    for case in cases:
        if case.same_as is not None:
            continue
        axes = ", ".join(f"{name} {value}" for name, value in case.axes.items())
        place = f"{case.op} @ {case.site}" if case.kind == "kernel" else f"{case.kind} @ {case.engine}"
        shown = ("", "") if case.question == last else (place, axes)
        answer = _answer(case.answer) if case.answer else ""
        calls = str(case.calls) if case.calls and shown[0] else ""
        table.add_row(*(Text(cell) for cell in (*shown, case.arm, answer, calls, _note(case, cases))))
        last = case.question
    return table


def _note(case: Case, cases: Sequence[Case]) -> str:
    if case.problem:
        return f"UNSUPPORTED: {case.problem}"
    same = [other.arm for other in cases if other.same_as == case.id]
    default = "the op's default" if case.answer and case.answer.origin == "default" else ""
    return "; ".join(part for part in (default, f"{', '.join(same)} the same" if same else "") if part)


def _answer(answer: Answer) -> str:
    return f"{answer.variant}(tuned)" if answer.origin == "tuned" else answer.label


def _model(plan: Plan) -> Any:
    """Every op of the model and its answers; what no arm chose says that it is the op's default."""
    from rich.table import Table
    from rich.text import Text

    found: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for arm, answers in plan.answers.items():
        for call, answer in answers.items():
            origin = answer.origin if answer.origin in ("default", "suite") else "tuned"
            row = found.setdefault((call.op, _answer(answer), origin), {"sites": [], "phases": [], "arms": []})
            for column, value in (("sites", call.site), ("phases", call.phase), ("arms", arm)):
                if value not in row[column]:
                    row[column].append(value)
    table = Table(box=None, pad_edge=False, header_style="bold", title="The whole model", title_justify="left")
    for name in ("op", "answer", "phases", "sites", "arms", "chosen by"):
        table.add_column(name, overflow="fold")
    for (op, shown, origin), row in sorted(found.items()):
        arms = "all" if len(row["arms"]) == len(plan.answers) else ", ".join(row["arms"])
        by = {"default": "the op's default", "suite": "the suite", "tuned": "tuned file"}[origin]
        cells = (op, shown, ", ".join(row["phases"]), ", ".join(row["sites"]), arms, by)
        table.add_row(*(Text(cell) for cell in cells))
    return table
