"""One hash for all that defines a case: sizes, variants, weights. `harness.observe` sees the code that it runs."""

from __future__ import annotations

import hashlib

import msgspec

from harness.values.case import Case
from harness.values.suite import CallSite, Plan


def fingerprints(plan: Plan) -> dict[str, str]:
    """Fingerprints by case id. A case without a variant, or with a problem, has none."""
    return {case.id: found for case in plan.cases if case.problem is None and (found := _hash(case, plan))}


def _hash(case: Case, plan: Plan) -> str:
    suite = plan.suite
    if case.arm in suite.outside:
        facts: tuple[object, ...] = (case.question, suite.outside[case.arm])
        return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()
    if case.answer is not None:
        answers = {CallSite("decode", str(case.op), str(case.site)): case.answer}
    else:
        answers = dict(plan.answers.get(case.arm, {}))
    chosen = sorted((place, answer.variant, sorted(answer.tunables.items())) for place, answer in answers.items())
    facts = (case.question, case.dims, chosen, suite.weights, suite.dims, suite.routing, suite.dtype)
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest() if chosen else ""
