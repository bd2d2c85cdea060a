"""The plan of a suite: its cases, and the implementation of each op of the model."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.values.case import Case, Implementation
from harness.values.suite import Plan

from ..figures import clean
from ..table import Column, Name, Number, Row, Table, Words

CHOSEN_BY = {"default": "the op's default", "suite": "the suite"}


def cases(plan: Plan) -> Table:
    """One row for each measurement. A question is named in the first of its rows."""
    columns = (
        Column("case", "Case", once=True), Column("axes", "Axes"), Column("arm", "Arm"), Column("answer", "Answer"),
        Column("calls", "Calls", right=True), Column("note", ""),
    )  # fmt: skip
    rows, last = [], ""
    for case in (case for case in plan.cases if case.same_as is None):
        first, last = case.question != last, case.question
        axes = ", ".join(f"{name} {value}" for name, value in case.axes.items()) if first else ""
        place = f"{case.op} @ {case.site}" if case.kind == "kernel" else f"{case.op or case.kind} @ {case.engine}"
        calls = Number(case.calls, str(case.calls)) if case.calls and first else Words("")
        cells = (
            Name(clean(place)), Words(clean(axes)), Name(clean(case.arm)),
            Name(clean(_answer(case.answer)) if case.answer else ""), calls, Words(_note(case, plan.cases)),
        )  # fmt: skip
        rows.append(Row(cells))
    return Table("cases", "Cases of the plan", columns, tuple(rows))


def _note(case: Case, cases: tuple[Case, ...]) -> str:
    if case.problem:
        return f"UNSUPPORTED: {case.problem}"
    same = [other.arm for other in cases if other.same_as == case.id]
    default = CHOSEN_BY["default"] if case.answer and case.answer.origin == "default" else ""
    return "; ".join(part for part in (default, f"{', '.join(same)} the same" if same else "") if part)


def _answer(answer: Implementation) -> str:
    return f"{answer.variant}(tuned)" if answer.origin == "tuned" else answer.label


def model(plan: Plan) -> Table:
    """Every op of the model and its answers. An answer that no arm chose is marked as the op's default."""
    found: dict[tuple[str, str, str], tuple[dict[str, None], ...]] = {}
    for arm, answers in plan.answers.items():
        for call, answer in answers.items():
            key = (call.op, _answer(answer), CHOSEN_BY.get(answer.origin, "tuned file"))
            for column, value in zip(found.setdefault(key, ({}, {}, {})), (call.phase, call.site, arm), strict=True):
                column[value] = None
    headings = ("Op", "Answer", "Phases", "Sites", "Arms", "Chosen by")
    columns = tuple(Column(heading.lower().replace(" ", "_"), heading) for heading in headings)
    rows = []
    for (op, shown, by), (phases, sites, arms) in sorted(found.items()):
        everywhere = "all" if len(arms) == len(plan.answers) else ", ".join(arms)
        rows.append(Row((
            Name(clean(op)), Name(clean(shown)), Words(", ".join(phases)), Words(clean(", ".join(sites))),
            Words(clean(everywhere)), Words(by),
        )))  # fmt: skip
    return Table("model", "The whole model", columns, tuple(rows))


def changes(plan: Plan) -> Table:
    """The changes that each arm makes to a model that is a torch module."""
    columns = (Column("arm", "Arm", once=True), Column("change", "Change"), Column("by", "By"))
    rows = []
    for arm in plan.arms:
        found = msgspec.to_builtins(plan.suite.arms[arm].changes) or {"none": ""}
        lines = [(kind, by) for kind, said in found.items() for by in _said(said)]
        rows += [
            Row((Name(clean(arm) if not at else ""), Words(clean(kind)), Name(clean(by))))
            for at, (kind, by) in enumerate(lines)
        ]
    return Table("changes_of_module", "Changes by arm", columns, tuple(rows))


def _said(value: Any) -> list[str]:
    """A change in words: `Qwen3MoeExperts -> mine.py:Experts`, the file without its folder."""
    if isinstance(value, dict):
        return [f"{name} -> {_place(place)}" for name, place in value.items()]
    return [_place(one) for one in (value if isinstance(value, list) else [value])]


def _place(source: str) -> str:
    return source.rpartition("/")[2]
