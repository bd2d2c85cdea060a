"""Verdicts on two sides, and the compiled code of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.compare.explain import Explanation
from harness.values.interpreter_matrix import Beside, InterpreterMatrix
from harness.values.reason import Reason
from harness.values.static_comparison import StaticComparison
from harness.values.verdict import CaseVerdict, Comparison

from .encoding import extended, of, several, text

VerdictRow = extended(
    "VerdictRow", CaseVerdict, without=("failed", "shared"), reason=str, because=Reason, ratio=float | None,
    low=float | None, high=float | None, confidence=float | None, pairs=int, level=str | None,
)  # fmt: skip
"""reason: its sentence. because: the same as a value, with its kind and figures."""


ComparisonDocument = extended(
    "ComparisonDocument", Comparison, differences=tuple[str, ...], verdicts=several(VerdictRow),
    explanation=Explanation | None, exit_status=int,
)  # fmt: skip
"""`compare`. differences: sentences. under_test: packages that differ, where each side has its own interpreter."""


def comparison_text(found: Comparison, explanation: Explanation | None = None) -> str:
    return text(_comparison(found, explanation))


def _comparison(found: Comparison, explanation: Explanation | None) -> Any:
    return of(
        ComparisonDocument, found, differences=tuple(difference.words for difference in found.differences),
        verdicts=tuple(map(_verdict, found.verdicts)), explanation=explanation, exit_status=int(found.exit_status),
    )  # fmt: skip


def _verdict(v: CaseVerdict) -> Any:
    found = v.ratio
    parts = {name: getattr(found, name, None) for name in ("low", "high", "confidence", "level")}
    ratio_of = {"ratio": found.value if found else None, "pairs": found.n if found else 0, **parts}
    return of(VerdictRow, v, reason=v.words, because=v.reason, **ratio_of)


BesideRow = extended("BesideRow", Beside, comparison=ComparisonDocument | None, status=int)
InterpretersDocument = extended("InterpretersDocument", InterpreterMatrix, others=several(BesideRow), exit_status=int)
"""`compare --pythons`: a comparison of each other interpreter with the base."""


def interpreters_text(found: InterpreterMatrix, explanations: Sequence[Explanation | None]) -> str:
    others = []
    for one, explanation in zip(found.others, explanations, strict=True):
        compared = _comparison(one.comparison, explanation) if one.comparison else None
        others.append(of(BesideRow, one, comparison=compared, status=int(one.status)))
    return text(of(InterpretersDocument, found, others=tuple(others), exit_status=int(found.exit_status)))


StaticDocument = extended("StaticDocument", StaticComparison, static=bool, exit_status=int)
"""`compare --static`: `cases`, each with `kernels` and both sides' binaries."""


def static_text(found: StaticComparison) -> str:
    return text(of(StaticDocument, found, static=True, exit_status=int(found.exit_status)))
