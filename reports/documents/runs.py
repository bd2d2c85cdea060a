"""Documents of a run: its measurements, and a report with its sentences."""

from __future__ import annotations

from typing import Any

from harness.values.environment import Environment
from harness.values.measurement import Conditions
from harness.values.profile import Profile
from harness.values.program import Program
from harness.values.reason import Reason
from harness.values.run import Run
from harness.values.verdict import CaseVerdict, Comparison

from ..views.case_rows import CaseRow, RunRow, Triple, report_rows, run_rows
from ..views.decode_view import Explained
from ..views.view import build
from .encoding import extended, of, several, struct, text

ProgramFacts = extended("ProgramFacts", Program, without=("lines",))
"""The profiled program, in place of a suite. The ranks of a job stand side by side."""


RunDocument = struct(
    "RunDocument", run=str, suite=str, state=str, environment=Environment | None, cases=tuple[RunRow, ...],
    profiles=tuple[Profile, ...], program=ProgramFacts | None,
)  # fmt: skip
"""`run`, `check`, `profile` and `show RUN`: the measurements. Samples are in us, in order."""


def run_text(run: Run) -> str:
    program = of(ProgramFacts, run.program) if run.program else None
    return text(of(RunDocument, run, run=run.id, cases=tuple(run_rows(run)), program=program))


RunFacts = struct(
    "RunFacts", id=str, suite=str, suite_hash=str, title=str, state=str, started=str, command=str, note=str,
    tags=tuple[str, ...], processes=int,
)  # fmt: skip
VerdictFacts = extended("VerdictFacts", CaseVerdict, without=("shared",), reason=str, because=Reason)
ComparisonFacts = extended("ComparisonFacts", Comparison, differences=tuple[str, ...], verdicts=several(VerdictFacts))
ReportDocument = struct(
    "ReportDocument", run=RunFacts, environment=Environment | None, trouble=tuple[str, ...], summary=tuple[str, ...],
    cautions=tuple[str, ...], cases=tuple[CaseRow[Triple], ...], profiles=tuple[Profile, ...],
    conditions=tuple[Conditions, ...], explained=tuple[Explained, ...], comparison=ComparisonFacts | None,
)  # fmt: skip
"""`report --format json`: a run with raw samples (process, round, us), and the report's sentences on it."""


def report_text(run: Run, comparison: Comparison | None = None) -> str:
    """One line of JSON. A number that is not finite is null, since JSON has no word for it."""
    view = build(run)
    sentences = {"trouble": view.trouble, "summary": view.summary, "cautions": view.cautions}
    against = _comparison(comparison) if comparison else None
    known = {"run": of(RunFacts, run), "explained": view.explained, "comparison": against, **sentences}
    return text(of(ReportDocument, run, cases=report_rows(run), **known)) + "\n"


def _comparison(found: Comparison) -> Any:
    rows = (of(VerdictFacts, v, reason=v.words, because=v.reason) for v in found.verdicts)
    differences = tuple(difference.words for difference in found.differences)
    return of(ComparisonFacts, found, differences=differences, verdicts=tuple(rows))
