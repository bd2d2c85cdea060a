"""An arm's model place by place: whether each variant can run here, and the sizes of its calls."""

from __future__ import annotations

from collections.abc import Iterator

from harness.load_kernels import LoadedVariant, load_variant
from harness.plan.calls import dims_in_pass, uses
from harness.values.case import Case
from harness.values.suite import Plan


def calls_of(plan: Plan, arm: str, batch: int, context: int) -> Iterator[tuple[str, Case, LoadedVariant]]:
    """Phase, case and variant of each place of an op in a decode step after `context` tokens and in their prefill.

    Raises VariantNotLoaded for a variant that cannot be imported.
    """
    suite = plan.suite
    by_place = {use.op_site: use for use in uses(suite)}
    for call, answer in plan.answers[arm].items():
        use = by_place[call.op_site]
        case = Case(
            "kernel", arm, suite.dtype_label, {"batch": batch, "context": context}, use.op, use.site,
            dims=dims_in_pass(use, call.phase, batch, context), calls=use.calls, answer=answer,
        )  # fmt: skip
        yield call.phase, case, load_variant(use.op, answer.variant, suite.folder)


def unsupported(plan: Plan, arm: str, batch: int, context: int) -> str | None:
    """The first reason that a variant of the arm gives, with its op and site; None where all of them can run."""
    for phase, case, variant in calls_of(plan, arm, batch, context):
        if variant.supports is not None and (reason := variant.supports(case)):
            return f"{case.op_site}, {phase}: {reason}"
    return None
