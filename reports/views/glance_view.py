"""The first screen of a page: whether it is faster, whether that can be trusted, and why; with one chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.compare.explain import Explanation
from harness.values.estimate import Estimate, Ratio
from harness.values.reason import reason_words
from harness.values.verdict import CaseVerdict, Comparison, Verdict

from ..figures import clean, gib, number, one_name, percent, plural, plus_minus, ratio_words
from .decode_view import Explained, ModelGroup, ModelRow, reconciled_as
from .figure_view import FigureRow
from .kernel_view import KernelGroup, KernelRow
from .outcome import NAME_LIMIT, importance, outcome
from .view import View

FARTHEST = 2.0
"""Multiples of the longest bar; a bound farther away is named and not drawn."""
MOST_BARS = 8
MOST_CASES = 3
"""Cases of a comparison in the chart; the table has all."""
MOST_PARTS = 2
"""Kernels that the explanation names; the section on the decode has all."""


@dataclass(frozen=True)
class GlanceBar:
    """One bar. low, high: the ends of its interval. All lengths are percent of the chart's width."""

    label: str
    place: int
    """Index of its colour."""
    length: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class GlanceChart:
    """Bars over one axis that begins at zero. bound: percent of the width; None if there is none or it is too far."""

    title: str
    axis: str
    bars: tuple[GlanceBar, ...]
    bound: float | None = None
    bound_text: str = ""


@dataclass(frozen=True)
class Glance:
    """word: the answer in one or two words. interval: of its ratio. sentence: the compared sides and their figures.
    trust: sentences on its checks and intervals. why: one sentence of reconciliation, or empty."""

    word: str
    interval: str
    tone: str
    sentence: str
    trust: tuple[str, ...]
    why: str
    charts: tuple[GlanceChart, ...]


def glance(view: View, comparison: Comparison | None = None, explanation: Explanation = Explanation()) -> Glance | None:
    """The answer of the comparison with its explanation, else of the first decode, figure or kernel; None for a run
    without a time."""
    trust = (f"{view.counts.sentence}.", *view.intervals[:1])
    if comparison is not None:
        return _compared(view, comparison, explanation)
    if view.decodes:
        group = view.decodes[0]
        chart = _decode_chart(view, group)
        best = max(group.rows[1:] or group.rows, key=lambda row: row.tok_s.value)
        why = next((_why(one) for one in view.explained if (one.title, one.head) == (group.title, _names(best))), "")
        return _answer(
            best.ratio, f"{plus_minus(best.tok_s)} tok/s", _names(best), _names(group.rows[0]),
            f"decode at {group.title}", f"{number(group.rows[0].tok_s.value)} to {number(best.tok_s.value)} tok/s",
            trust, why, chart,
        )  # fmt: skip
    for figure in view.figures[:1]:
        bars = [
            (_names(f), view.place(f.arms[0]), f.value, f"{plus_minus(f.value)} {figure.unit}") for f in figure.rows
        ]
        chart = _chart("", f"{figure.unit}, less is better" if figure.unit else "less is better", bars)
        low = min(figure.rows[1:] or figure.rows, key=lambda row: row.value.value)
        return _answer(
            low.ratio, f"{plus_minus(low.value)} {figure.unit}".rstrip(), _names(low), _names(figure.rows[0]),
            figure.title, f"{number(figure.rows[0].value.value)} to {number(low.value.value)} {figure.unit}".rstrip(),
            trust, "", chart,
        )  # fmt: skip
    return _kernels(view, trust)


def _kernels(view: View, trust: tuple[str, ...]) -> Glance | None:
    timed = [group for group in view.kernels if any(row.estimate for row in group.rows)]
    compared = [group for group in timed if any(row.ratio for row in group.rows)] or timed
    if not compared:
        return None
    group = max(
        compared, key=lambda group: max((row.estimate.value for row in group.rows if row.estimate), default=0.0)
    )
    rows = [row for row in group.rows if row.estimate]
    best = min(rows[1:] or rows, key=lambda row: row.estimate.value if row.estimate else 0.0)
    first = group.rows[0]
    assert best.estimate is not None
    before = number(first.estimate.value) if first.estimate else ""
    return _answer(
        best.ratio, f"{plus_minus(best.estimate)} us", _names(best), _names(first),
        f"{group.name}, {group.axes}", f"{before} to {number(best.estimate.value)} us a call", trust,
        "" if len(compared) == 1 else f"It is the longest of {len(compared)} compared calls; the table has all.",
        _kernel_chart(view, group),
    )  # fmt: skip


def _answer(
    ratio: Ratio | None, alone: str, head: str, base: str, where: str, change: str, trust: tuple[str, ...], why: str,
    chart: GlanceChart,
) -> Glance:  # fmt: skip
    if ratio is None:
        return Glance(alone, "", "", f"{head}: {where}.", trust, why, (chart,))
    tone = "unclear" if not ratio.told_apart else "better" if ratio.value < 1 else "worse"
    sentence = f"{head} against {base}: {where}, {change}."
    return Glance(ratio_words(ratio), ratio.interval, tone, sentence, trust, why, (chart,))


def _names(row: ModelRow | FigureRow | KernelRow) -> str:
    return ", ".join(row.arms)


def _why(found: Explained) -> str:
    """`The kernels, timed alone, predict 2,580 ± 30 us less per step; 2,570 ± 9 us less were measured: ...`."""
    sign = 1 if found.predicted_us >= 0 else -1
    alike = [part for part in found.parts if sign * part.saving_us > 0]
    parts = sorted(alike, key=lambda part: -abs(part.saving_us * part.calls))[:MOST_PARTS]
    most = " and ".join(
        f"{one_name(part.name)} ({plural(part.calls, 'call')}, {number(abs(part.saving_us))} us "
        f"{'less' if part.saving_us >= 0 else 'more'} each)"
        for part in parts
    )
    source = "Timed alone, its kernels" if found.predicted_half_us else "Its profiled kernels"
    share = abs(found.left_us) / abs(found.measured_us) if found.measured_us else 0.0
    return (
        f"{source} predict {_less(found.predicted_us)} per step, and {_less(found.measured_us)} were measured "
        f"({percent(share)} apart){f'. Largest: {most}' if most else ''}."
    )


def _less(saved_us: float) -> str:
    return f"{number(abs(saved_us))} us {'less' if saved_us >= 0 else 'more'}"


def _decode_chart(view: View, group: ModelGroup) -> GlanceChart:
    bars = [(_names(row), view.place(row.arms[0]), row.tok_s, f"{plus_minus(row.tok_s)} tok/s") for row in group.rows]
    return _chart(group.title, "Tokens per second, more is better", bars, group.bound_tok_s, "tok/s")


def _kernel_chart(view: View, group: KernelGroup) -> GlanceChart:
    bars = [
        (
            row.config if row.source.case.tunables_in_id else _names(row),
            view.place(row.arms[0]),
            row.estimate,
            f"{plus_minus(row.estimate)} us",
        )
        for row in group.rows
        if row.estimate
    ]
    return _chart(f"{group.name}, {group.axes}", "us per call, less is better", bars, group.bound_us, "us")


def _chart(
    title: str, axis: str, bars: Sequence[tuple[str, int, Estimate, str]], bound: float | None = None, unit: str = ""
) -> GlanceChart:
    shown = bars[:MOST_BARS]
    longest = max(max(value.value, value.high) for _, _, value, _ in shown) or 1.0
    drawn = bound is not None and bound <= FARTHEST * longest
    end = max(longest, bound or 0.0) if drawn else longest
    return GlanceChart(
        title,
        axis,
        tuple(
            GlanceBar(label, place, 100 * value.value / end, 100 * value.low / end, 100 * value.high / end, text)
            for label, place, value, text in shown
        ),
        100 * bound / end if bound is not None and drawn else None,
        f"bound by memory bandwidth: {number(bound)} {unit}" if bound is not None else "",
    )


def _compared(view: View, comparison: Comparison, explanation: Explanation) -> Glance:
    """Base and head side by side, of the cases that decide."""
    found = outcome(comparison)
    ordered = sorted((v for v in comparison.verdicts if v.gated or v.failed), key=importance)
    ordered = ordered or sorted(comparison.verdicts, key=importance)
    drawn = [v for v in ordered if v.base is not None and v.head is not None]
    shown = ([v for v in drawn if v.is_time or v.verdict is not Verdict.SAME] or drawn)[:MOST_CASES]
    trust = (*(_sure(v) for v in (shown or ordered)[:1]), f"{view.counts.sentence}, of head.")
    added_up = (_why(reconciled_as("base", "head", decode.case, decode)) for decode in explanation.decodes)
    why = next(added_up, next(iter(comparison.notes), ""))
    return Glance(found.word, "", found.tone, found.sentence.lstrip(" :."), trust, why, tuple(map(_pair, shown)))


def _sure(verdict: CaseVerdict) -> str:
    """`moe_gate_up@experts, 4 pairs, 1.052x slower [1.048, 1.057]: the 99.17 % interval lies beyond the margin.`"""
    ratio = verdict.ratio
    units = f", {plural(ratio.n, ratio.level, 'processes' if ratio.level == 'process' else '')}" if ratio else ""
    words = f", {ratio.words} {ratio.interval}" if ratio and verdict.is_time else ""
    return f"{clean(verdict.case, NAME_LIMIT)}{units}{words}: {clean(reason_words(verdict.reason), 300)}."


def _pair(verdict: CaseVerdict) -> GlanceChart:
    assert verdict.base is not None and verdict.head is not None
    longest = max(verdict.base, verdict.head) or 1.0
    bars = tuple(
        GlanceBar(
            word, place, 100 * value / longest, 100 * value / longest, 100 * value / longest, _value(verdict, value)
        )
        for word, place, value in (("base", 0, verdict.base), ("head", 1, verdict.head))
    )
    ratio = f", {ratio_words(verdict.ratio)}" if verdict.ratio and verdict.is_time else ""
    return GlanceChart(f"{clean(verdict.case, NAME_LIMIT)}: {verdict.verdict}{ratio}", "less is better", bars)


def _value(verdict: CaseVerdict, value: float) -> str:
    if verdict.metric == "peak_memory_bytes":
        return f"{gib(value)} GiB"
    if verdict.metric == "energy_j":
        return f"{number(1e3 * value)} mJ"
    return f"{number(value)} us" if verdict.is_time else number(value)
