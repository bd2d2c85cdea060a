"""Base beside head: the times of a comparison's cases, and a profile of each side by category.

The values alone: a page draws them as elements of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.compare.explain import Explanation, ProfileChange
from harness.trace.difference import Change
from harness.values.verdict import CaseVerdict, Comparison

from ..figures import axes_words, clean, number, ratio_words
from ..views.outcome import importance
from .drawing import Bar, Chart, Panel, Plot, undrawn

SIDES = ("base", "head")
LEAST_CASES = 3
"""Timed cases from which they are drawn here; fewer are on the first screen."""

MOST_CASES = 24
"""Cases in the chart, the most important first; the table has all of them."""
UNITS = {"kernel_us": "us per call", "decode_us": "us per token", "prefill_us": "us per pass", "figure_us": "us"}


def comparison_charts(comparison: Comparison, explanation: Explanation) -> tuple[Chart, ...]:
    """`against`: times of base and head. `profile`: their categories. Neither where there is nothing to draw."""
    plots = (
        Plot("against", "Base beside head", tuple(_times(comparison))),
        Plot("profile", "Base beside head by category", tuple(map(_profile, explanation.profiles))),
    )
    return tuple(undrawn(plot, SIDES) for plot in plots if plot.panels)


def _times(comparison: Comparison) -> Iterator[Panel]:
    """A panel for each unit, so that a kernel of 3 us stays readable beside a decode of 9,000."""
    timed = [v for v in comparison.verdicts if v.is_time and v.base is not None and v.head is not None]
    shown = sorted(timed, key=importance)[:MOST_CASES] if len(timed) >= LEAST_CASES else []
    for metric, unit in UNITS.items():
        groups = tuple(_pair(v) for v in shown if v.metric == metric)
        if groups:
            yield Panel(f"{unit}, less is better", groups)


def _pair(verdict: CaseVerdict) -> tuple[Bar, ...]:
    assert verdict.base is not None and verdict.head is not None
    ratio = f", {ratio_words(verdict.ratio)}" if verdict.ratio else ""
    label = f"{clean(verdict.case)}\n{verdict.verdict}{ratio}"
    return _bars(label, (verdict.base, verdict.head), 4)


def _profile(found: ProfileChange) -> Panel:
    """The largest changes of a step. Sums of one profile each, so that bars have no interval."""
    arms = found.arms[0] if found.arms[0] == found.arms[1] else " and ".join(found.arms)
    where = ", ".join(filter(None, (clean(arms), axes_words(found.axes, "decode"), clean(found.engine))))
    device = "GPU" if found.device == "cuda" else "CPU"
    groups = tuple(_category(change, max(found.steps, 1)) for change in found.categories)
    return Panel(f"us of {device} time per step, less is better\n{where}, one profile of each side", groups)


def _category(change: Change, steps: int) -> tuple[Bar, ...]:
    return _bars(clean(change.name), (change.base_ns / 1e3 / steps, change.head_ns / 1e3 / steps), 3)


def _bars(label: str, values_us: Sequence[float], digits: int) -> tuple[Bar, ...]:
    bars = []
    for place, (side, us) in enumerate(zip(SIDES, values_us, strict=True)):
        text = f"{number(us, digits)} us"
        tip = f"{', '.join(label.splitlines())}, {side}: {text}"
        bars.append(Bar.exact("" if place else label, place, us, text, tip))
    return tuple(bars)
