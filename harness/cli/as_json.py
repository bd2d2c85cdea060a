"""The JSON that scripts rely on: versioned, more keys may be added beside these."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.stats import estimate_of
from harness.values.case import Case
from harness.values.measurement import Measurement
from harness.values.run import Run

SCHEMA = 1


def run_as_json(run: Run) -> str:
    """A run: its cases with id, attributes, status, reason, samples (us, in order) and estimate; environment and
    profiles."""
    document = {
        "schema": SCHEMA,
        "run": run.id,
        "suite": run.suite,
        "state": run.state,
        "environment": run.environment,
        "cases": [_measured(run, m) for m in run.measurements],
        "profiles": run.profiles,
    }
    return msgspec.json.encode(document).decode()


def case_as_json(case: Case) -> dict[str, Any]:
    """id and attributes of a case."""
    return {"id": case.id, **msgspec.to_builtins(case)}


def _measured(run: Run, m: Measurement) -> dict[str, Any]:
    return {
        **case_as_json(m.case),
        "status": m.status.value,
        "reason": m.reason,
        "correctness": m.correctness,
        "samples_us": [sample.value_us for sample in m.samples],
        "samples": m.samples,
        "estimate": estimate_of(run, m.case.id, m.samples),
    }
