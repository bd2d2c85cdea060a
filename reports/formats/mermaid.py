"""Charts that GitHub draws from text, for places that take no image upload."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..figures import clean

LABEL_LIMIT = 28
MOST_BARS = 12
"""Most bars of a chart: beyond that the labels of an axis run into each other."""

_OTHER = re.compile(r"[^\w .,:+@/()=%-]")
"""Characters that a label may not have: a quote would end it; angles, brackets and backticks are syntax."""


def bars(title: str, unit: str, labels: Sequence[str], values: Sequence[float]) -> str:
    """A zero-based bar chart in a fenced block; empty if there is nothing to compare."""
    if len(values) < 2 or not max(values) > 0:
        return ""
    shown = min(len(values), MOST_BARS)
    names = ", ".join(f'"{label(name)}"' for name in _distinct(labels[:shown]))
    lines = [
        "xychart-beta horizontal",
        f'    title "{label(title, 80)}"',
        f"    x-axis [{names}]",
        f'    y-axis "{label(unit, 60)}" 0 --> {_end(max(values[:shown]))}',
        f"    bar [{', '.join(f'{value:.6g}' for value in values[:shown])}]",
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```"


def label(name: str, limit: int = LABEL_LIMIT) -> str:
    """A name in the form of a quoted label."""
    return clean(_OTHER.sub("_", name), limit)


def _distinct(labels: Sequence[str]) -> list[str]:
    """Distinct labels: an axis takes each label once, so a repeated name gets a number."""
    seen: dict[str, int] = {}
    found = []
    for name in (label(text) for text in labels):
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _end(most: float) -> str:
    """An end of the axis that leaves a little room above the largest value."""
    return f"{most * 1.05:.3g}"
