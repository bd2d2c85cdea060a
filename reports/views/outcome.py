"""The result of a comparison: one word, its counts, and the cases that moved, the worst first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness.errors import ExitStatus
from harness.values.verdict import CaseVerdict, Comparison, Verdict

from ..figures import plural

MOST_NAMED = 5
"""Most cases of a kind named in the first lines; the table has all."""

NAME_LIMIT = 90
"""Characters of a case in the first lines, so that five of them stay within the first 1,000 characters."""


@dataclass(frozen=True)
class Outcome:
    """word: the worst verdict. tone: its tone. sentence: the text after the word. moved: cases by verdict, the worst
    first."""

    word: str
    tone: str
    sentence: str
    moved: tuple[tuple[Verdict, tuple[CaseVerdict, ...]], ...]


def outcome(comparison: Comparison) -> Outcome:
    """The outcome of the gated verdicts and of every failed case, gated or not."""
    if not comparison.comparable:
        return Outcome("NOT COMPARABLE", "worse", ": the two sides were measured under conditions that differ.", ())
    decisive = [v for v in comparison.verdicts if v.gated or v.failed]
    if not decisive:
        return Outcome("NOTHING GATED", "", f".{_beside(comparison)}", ())
    counts = Counter(v.verdict for v in decisive)
    spread = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in Verdict if counts[verdict])
    moved = ((kind, tuple(v for v in decisive if v.verdict is kind)) for kind in Verdict if kind.moved)
    worst = next(verdict for verdict in Verdict if counts[verdict])
    return Outcome(
        worst,
        "better" if worst.gate is ExitStatus.OK else worst.tone,
        f" of {plural(len(decisive), 'gated verdict')}: {spread}.{_beside(comparison)}",
        tuple((kind, cases) for kind, cases in moved if cases),
    )


def _beside(comparison: Comparison) -> str:
    """The cases that moved without a gate: they decide nothing, but they stay visible."""
    counts = Counter(v.verdict for v in comparison.verdicts if not v.gated and not v.failed)
    moved = ", ".join(f"{counts[kind]:,} {kind}" for kind in (Verdict.SLOWER, Verdict.FASTER) if counts[kind])
    return f" Not gated: {moved}." if moved else ""


def importance(verdict: CaseVerdict) -> int:
    """A rank for the reader, 0 the most important: gated and wrong, then gated and slower; ungated and the same comes
    last."""
    return verdict.verdict.rank + (0 if verdict.gated or verdict.failed else len(Verdict))
