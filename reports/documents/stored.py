"""Attempts, and lists of the contents of a store or the facts of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from harness.compare.history import CaseHistory
from harness.stats import estimate, ratio
from harness.values.attempt import Attempt
from harness.values.bisect import Bisected
from harness.values.case import Tunables
from harness.values.change import Missing, Series
from harness.values.estimate import Estimate, Ratio
from harness.values.finding import Finding
from harness.values.machine import Health
from harness.values.pairing import CaseNoise, Noise
from harness.values.standing import Standing
from harness.values.summary import Summary

from ..views.case_rows import attempt_row
from .encoding import extended, of, several, struct, text

Runs = tuple[tuple[str, str], ...]
"""Base and head of each pair of worktrees."""
TRY: dict[str, Any] = {"try": int}
"""A keyword of Python, and so no valid name of an argument."""
AttemptDocument = extended(
    "AttemptDocument", Attempt, id=str, status=str, reason=str, estimate=Estimate | None, ratio=Ratio | None, **TRY,
)  # fmt: skip
"""`try`: an attempt with its estimate beside the samples."""


def attempt_text(attempt: Attempt) -> str:
    m, against = attempt.measurement, attempt.against
    return text(of(
        AttemptDocument, attempt, id=m.case.id, status=m.status.value, reason=m.reason,
        estimate=estimate(m.samples) if m.samples else None,
        ratio=ratio(against.samples, m.samples) if against is not None else None, **{"try": attempt.number},
    ))  # fmt: skip


BisectDocument = extended("BisectDocument", Bisected)
HistoryDocument = struct("HistoryDocument", cases=tuple[CaseHistory, ...])
ChangesDocument = struct("ChangesDocument", series=tuple[Series, ...], standings=tuple[Standing, ...],
    missing=tuple[Missing, ...],
)  # fmt: skip
RunsDocument = struct("RunsDocument", runs=tuple[Summary, ...])
AttemptRow = struct(
    "AttemptRow", **TRY, started=str, file=str, case=str, status=str, reason=str, us=float | None,
    low_us=float | None, high_us=float | None, confidence=float | None, n=int, variant=str, tunables=Tunables,
    question=str, pattern=str, note=str, tags=list[str],
)  # fmt: skip
AttemptsDocument = struct("AttemptsDocument", attempts=several(AttemptRow))
MachinesDocument = struct("MachinesDocument", machines=tuple[Health, ...])
FindingsDocument = struct("FindingsDocument", findings=tuple[Finding, ...])
CalibrationDocument = struct(
    "CalibrationDocument", device=str, runs=Runs, offset=float, offset_chance=float,
    worktree_pairs=int, order=float, order_error=float, cases=dict[str, CaseNoise], failed=dict[str, str],
)  # fmt: skip


def attempts_text(found: Sequence[Attempt]) -> str:
    return text(AttemptsDocument(attempts=tuple(AttemptRow(**attempt_row(attempt)) for attempt in found)))


def changes_text(found: Sequence[Series], standings: Sequence[Standing], missing: Sequence[Missing] = ()) -> str:
    return text(ChangesDocument(series=tuple(found), standings=tuple(standings), missing=tuple(missing)))


def machines_text(found: Sequence[Health]) -> str:
    return text(MachinesDocument(machines=tuple(found)))


def history_text(found: tuple[CaseHistory, ...]) -> str:
    return text(HistoryDocument(cases=found))


def findings_text(found: Sequence[Finding]) -> str:
    """JSON on several lines, because people read it too."""
    return msgspec.json.format(text(FindingsDocument(findings=tuple(found))), indent=2)


def calibration_text(device: str, noise: Noise, runs: Runs, failed: dict[str, str]) -> str:
    return text(of(CalibrationDocument, noise, device=device, runs=runs, failed=failed))
