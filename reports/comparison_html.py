"""What the page says of a comparison: filters of its templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import Markup

from harness.values.reason import reason_words
from harness.values.verdict import CaseVerdict, Comparison, Verdict

from .comparison import UNITS, ratio_words, shown_value, side_words, units_counted
from .figures import clean
from .outcome import importance, outcome


def _name(case: str) -> Markup:
    """A case's id that may break after a slash or a comma, and nowhere else while it need not."""
    return Markup("<wbr>").join(Markup.escape(part) for part in re.split(r"(?<=[/,])", clean(case)))


def _differences(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    """Label, base and head of each."""
    for found in comparison.differences:
        yield clean(found.label, 400), clean(found.base, 400), clean(found.head, 400)


_TONES = {"FASTER": "better", "SAME": "better", "SLOWER": "worse", "INVALID": "worse", "NOT COMPARABLE": "worse"}
"""Classes of the style sheet, which only stress what the words say."""


def _tone(verdict: CaseVerdict) -> str:
    return "unclear" if verdict.verdict is Verdict.SAME else _TONES.get(verdict.verdict, "unclear")


FILTERS: dict[str, Callable[..., Any]] = {
    "by_importance": lambda comparison: sorted(comparison.verdicts, key=importance),
    "differences": _differences,
    "name": _name,
    "reason": lambda reason: clean(reason_words(reason), 400),
    "side": side_words,
    "outcome": outcome,
    "verdict_n": units_counted,
    "verdict_ratio": ratio_words,
    "verdict_tone": _tone,
    "word_tone": lambda word: _TONES.get(word, ""),
    "verdict_unit": lambda verdict: UNITS[verdict.metric],
    "verdict_value": shown_value,
}
