"""What a reader must know before using a sweep's numbers."""

from __future__ import annotations

from harness.sweep import rank
from harness.values.measurement import Status
from harness.values.sweep import Question


def warnings(found: tuple[Question, ...]) -> list[str]:
    """One line each."""
    lines = []
    for question in found:
        place = f"{question.op}@{question.site} {question.variant}"
        wrong = [c for c in question.configurations if c.measurement.status is Status.INCORRECT]
        for row in wrong:
            values = ", ".join(f"{name}={value}" for name, value in row.tunables.items())
            lines.append(f"{place}: {values} computes wrong results: {row.measurement.reason}")
        if question.trusted is False:
            lines.append(
                f"{place}: cannot be trusted: the same work differed by {100 * (question.rms or 0):.1f} % (RMS of "
                f"{len(question.finals.twins) if question.finals else 0} pairs; {100 * rank.TRUSTED_RMS:.1f} % allowed)"
            )
        if question.finals is None:
            lines.append(f"{place}: nothing could be timed")
        elif question.finals.winner is None:
            lines.append(f"{place}: no configuration was shown to be faster than the baseline")
    return lines
