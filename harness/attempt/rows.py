"""Measurements and attempts as plain rows: for notebooks, lists and JSON."""

from __future__ import annotations

from typing import Any

from harness.stats import estimate
from harness.values.attempt import Attempt
from harness.values.measurement import Measurement


def measurement_row(found: Measurement) -> dict[str, Any]:
    """case, status and reason, and us with its interval, confidence and n; None where nothing was timed."""
    value = estimate(found.samples) if found.samples else None
    answer = found.case.answer
    return {
        "case": found.case.id,
        "status": found.status.value,
        "reason": found.reason,
        "us": value.value if value else None,
        "low_us": value.low if value else None,
        "high_us": value.high if value else None,
        "confidence": value.confidence if value else None,
        "n": value.n if value else 0,
        "variant": answer.variant if answer else "",
        "tunables": dict(answer.tunables) if answer else {},
    }


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """The same, with the attempt's number, time, file, diagnosis, note and tags."""
    return {
        "try": attempt.number,
        "started": attempt.started,
        "file": attempt.file,
        **measurement_row(attempt.measurement),
        "question": attempt.measurement.case.question,
        "pattern": attempt.diagnosis.pattern if attempt.diagnosis else "",
        "note": attempt.note,
        "tags": list(attempt.tags),
    }
