"""What an arm's model is made of, place by place: can each variant run here, and with which sizes is it called?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.plan import dims_at
from harness.resolve import LoadedVariant, load_variant
from harness.suite.catalogue import PHASES, model_uses
from harness.values.case import Case
from harness.values.suite import Plan


def calls_of(plan: Plan, arm: str, batch: int, context: int) -> Iterator[tuple[str, Case, LoadedVariant]]:
    """Phase, case and variant of each place of an op in a decode step after `context` tokens and in their prefill.

    Raises VariantNotLoaded for a variant that cannot be imported.
    """
    suite = plan.suite
    every = model_uses(suite.architecture, suite.dims, suite.weights.group, suite.weights.dense)
    uses = {use.place: use for use in every}
    for place, answer in plan.answers[arm].items():
        where, _, phase = place.rpartition(":")
        use = uses[where]
        length, start = (1, context) if phase == PHASES[0] else (max(context, 1), 0)
        tokens = batch if use.site == "lm_head" else batch * length
        dims = dims_at(use.dims, tokens=tokens, batch=batch, length=length, context=start)
        case = Case(
            "kernel", arm, suite.dtype_label, {"batch": batch, "context": context}, use.op, use.site,
            dims=dims, calls=use.calls, answer=answer,
        )  # fmt: skip
        yield phase, case, load_variant(use.op, answer.variant, Path(suite.path).parent)


def unsupported(plan: Plan, arm: str, batch: int, context: int) -> str | None:
    """The first reason that a variant of the arm gives, with its op and site; None where all of them can run."""
    for phase, case, variant in calls_of(plan, arm, batch, context):
        if variant.supports is not None and (reason := variant.supports(case)):
            return f"{case.place}, {phase}: {reason}"
    return None
