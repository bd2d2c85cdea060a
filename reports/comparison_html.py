"""What the page says of a comparison: filters of its templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from harness.values.verdict import CaseVerdict, Comparison, Verdict

from .comparison import UNITS, headline, ratio_words, shown_value, side_words, units_counted
from .comparison_markdown import importance
from .figures import clean

MOST_LINES = 5


def _lines(comparison: Comparison) -> list[str]:
    """The moved cases in words."""
    if not comparison.comparable:
        return []
    lines = headline(comparison).splitlines()
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return lines[:MOST_LINES] + more


def _differences(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    """`field: base -> head` as its three parts."""
    for line in comparison.differences:
        name, _, values = clean(line, 400).partition(": ")
        before, _, after = values.partition(" -> ")
        yield name, before, after


def _tone(verdict: CaseVerdict) -> str:
    return {Verdict.FASTER: "better", Verdict.SLOWER: "worse", Verdict.INVALID: "worse"}.get(verdict.verdict, "unclear")


FILTERS: dict[str, Callable[..., Any]] = {
    "by_importance": lambda comparison: sorted(comparison.verdicts, key=importance),
    "differences": _differences,
    "name": clean,
    "reason": lambda text: clean(text, 400),
    "side": side_words,
    "verdict_lines": _lines,
    "verdict_n": units_counted,
    "verdict_ratio": ratio_words,
    "verdict_tone": _tone,
    "verdict_unit": lambda verdict: UNITS[verdict.metric],
    "verdict_value": shown_value,
}
