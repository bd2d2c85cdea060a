"""Verdicts on two sides, and what both compile to."""

from __future__ import annotations

import msgspec

from harness.compare.explain import Explanation
from harness.values.reason import Reason
from harness.values.static_comparison import StaticComparison
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict

from .encoding import extended, of, text


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """reason: its sentence; because: the same as a value, its kind and figures."""

    case: str
    metric: str
    verdict: Verdict
    gated: bool
    base: float | None
    head: float | None
    ratio: float | None
    low: float | None
    high: float | None
    confidence: float | None
    pairs: int
    level: str | None
    reason: str
    because: Reason
    needed: int | None
    smallest_percent: float | None
    changed: tuple[str, ...]


class ComparisonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`compare`. differences: sentences."""

    base: Side
    head: Side
    comparable: bool
    differences: tuple[str, ...]
    verdicts: tuple[VerdictRow, ...]
    notes: tuple[str, ...]
    explanation: Explanation | None
    exit_status: int


def comparison_text(found: Comparison, explanation: Explanation | None = None) -> str:
    return text(of(
        ComparisonDocument, found, differences=tuple(difference.words for difference in found.differences),
        verdicts=tuple(map(_verdict, found.verdicts)), explanation=explanation, exit_status=int(found.exit_status),
    ))  # fmt: skip


def _verdict(v: CaseVerdict) -> VerdictRow:
    found = v.ratio
    parts = {name: getattr(found, name, None) for name in ("low", "high", "confidence", "level")}
    ratio_of = {"ratio": found.value if found else None, "pairs": found.n if found else 0, **parts}
    row: VerdictRow = of(VerdictRow, v, reason=v.words, because=v.reason, **ratio_of)
    return row


StaticDocument = extended("StaticDocument", StaticComparison, static=bool, exit_status=int)
"""`compare --static`: `cases`, each with `kernels` and both sides' binaries."""


def static_text(found: StaticComparison) -> str:
    return text(of(StaticDocument, found, static=True, exit_status=int(found.exit_status)))
