"""Which questions are measured in pairs, decided on plans alone."""

from __future__ import annotations

import msgspec

from harness.runner.paired_plan import plan_pairs
from tests.compare.stored_runs import decode, kernel

EVERY_ARM = (None, None)


def test_only_what_gates_is_measured_as_long_as_anything_does() -> None:
    """An op by its name, a decode by its own or by its memory; with a filter, everything that it left."""
    cases = [kernel("a"), kernel("b", op="router"), decode()]
    chosen = {
        gate: sorted(case.op or case.kind for case in cases if case.id in plan.wanted)
        for gate in ("int4_mm", "decode", "peak_memory", "prefill")
        if (plan := plan_pairs(cases, cases, EVERY_ARM, (gate,), gated_only=True))
    }
    every = ["decode", "int4_mm", "router"]
    assert chosen == {"int4_mm": ["int4_mm"], "decode": ["decode"], "peak_memory": ["decode"], "prefill": every}
    assert len(plan_pairs(cases, cases, EVERY_ARM, ("decode",), gated_only=False).wanted) == 3


def test_arms_are_joined_on_their_questions_and_runs_on_their_cases() -> None:
    cases = [kernel("a"), kernel("a", arm="autotuned"), kernel("b")]
    arms = plan_pairs(cases, cases, ("baseline", "autotuned"), ("int4_mm",), gated_only=True)
    assert arms.common == [cases[0].question]
    assert arms.both(arms.common) == {cases[0].question: (cases[0], cases[1])}
    whole = plan_pairs(cases, cases[:2], EVERY_ARM, ("int4_mm",), gated_only=True)
    assert whole.common == [case.id for case in cases[:2]] and cases[2].id in whole.wanted


def test_what_is_measured_in_the_place_of_a_case_is_opened_with_it() -> None:
    first, second = kernel("a"), kernel("a", arm="autotuned")
    cases = [first, msgspec.structs.replace(second, same_as=first.id)]
    plan = plan_pairs(cases, cases, ("autotuned", "autotuned"), ("int4_mm",), gated_only=True)
    assert plan.ids("base") == {first.id, second.id}
