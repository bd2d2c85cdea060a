"""The document of a suite's plan. Needs no store."""

from __future__ import annotations

import msgspec

from harness.values.case import Implementation
from harness.values.suite import Plan

from ..views.case_rows import RunRow, run_row
from .encoding import of, text


class PlanDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`list`: the plan of a suite. answers: by arm, then by `op@site:phase`."""

    suite: str
    title: str
    model: str
    kernels_root: str
    arms: tuple[str, ...]
    cases: tuple[RunRow, ...]
    answers: dict[str, dict[str, Implementation]]


def plan_text(plan: Plan) -> str:
    answers = {arm: {call.label: answer for call, answer in found.items()} for arm, found in plan.answers.items()}
    known = {"suite": plan.suite.name, "arms": plan.arms, "answers": answers}
    return text(of(PlanDocument, plan.suite, cases=tuple(run_row(case) for case in plan.cases), **known))
