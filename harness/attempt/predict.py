"""The expected end-to-end gain of an attempt on a measured decode: calls per token times the time saved per call."""

from __future__ import annotations

from harness.attempt.against import Against
from harness.attempt.question import TryRequest
from harness.stats import estimate
from harness.store import Store
from harness.values.attempt import Prediction
from harness.values.environment import Environment
from harness.values.measurement import Measurement

LOOKED_AT = 10
"""Number of newest runs searched for a decode, so that an attempt does not wait for years of stored runs."""


def predict(
    question: TryRequest, mine: Measurement, other: Measurement | None, against: Against | None, here: Environment,
    store: Store,
) -> Prediction | None:  # fmt: skip
    """Return the gain; None where nothing was compared, or where the shape belongs to no model."""
    if other is None or against is None or not question.case.calls:
        return None
    own, base = estimate(mine.samples), estimate(other.samples)
    if own is None or base is None:
        return None
    delta_us = question.case.calls * (own.value - base.value)
    step_us, run = _decode_step(against.name, question, here, store)
    return Prediction(question.case.calls, delta_us, step_us, run)


def _decode_step(arm: str, question: TryRequest, here: Environment, store: Store) -> tuple[float | None, str]:
    """us per token of the arm's decode at batch 1, and the run's id, from the newest stored run of this model's suite
    on such a machine."""
    complete = [summary for summary in store.runs() if summary.state == "complete"]
    for summary in reversed(complete[-LOOKED_AT:]):
        run = store.load(summary.id)
        same_machine = run.environment is not None and run.environment.device_name == here.device_name
        if not same_machine or run.suite_facts is None or run.suite_facts.model != question.model:
            continue
        for found in run.measurements:
            case = found.case
            if case.kind == "decode" and case.arm == arm and case.axes.get("batch", 1) == 1 and found.samples:
                value = estimate(found.samples)
                return (value.value if value else None), summary.id
    return None, ""
