"""Can an arm's model run here at all? Every variant that it names is asked, with the sizes of its place, before it is
built."""

from __future__ import annotations

from pathlib import Path

from harness.plan import dims_at
from harness.resolve import load_variant
from harness.suite.catalogue import PHASES, model_uses
from harness.values.case import Case
from harness.values.suite import Plan


def unsupported(plan: Plan, arm: str, batch: int, context: int) -> str | None:
    """The first reason that a variant of the arm gives, with its op and site; None where all of them can run.

    Raises VariantNotLoaded for a variant that cannot be imported.
    """
    suite = plan.suite
    uses = {
        use.place: use for use in model_uses(suite.architecture, suite.dims, suite.weights.group, suite.weights.dense)
    }
    for place, answer in plan.answers[arm].items():
        where, _, phase = place.rpartition(":")
        variant, use = load_variant(where.partition("@")[0], answer.variant, Path(suite.path).parent), uses[where]
        if variant.supports is None:
            continue
        length, start = (1, context) if phase == PHASES[0] else (max(context, 1), 0)
        tokens = batch if use.site == "lm_head" else batch * length
        dims = dims_at(use.dims, tokens=tokens, batch=batch, length=length, context=start)
        axes = {"batch": batch, "context": context}
        case = Case("kernel", arm, suite.dtype_label, axes, use.op, use.site, dims=dims, answer=answer)
        if reason := variant.supports(case):
            return f"{where}, {phase}: {reason}"
    return None
