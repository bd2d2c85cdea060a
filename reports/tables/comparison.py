"""Verdicts of a comparison. Gated ones come first, each with its ratio, interval and number of units."""

from __future__ import annotations

from harness.values.numerics import Sameness
from harness.values.verdict import CaseVerdict, Comparison

from ..figures import clean, gib, number
from ..table import Cell, Change, Column, Mark, Name, Number, Row, Table, Words
from ..views.outcome import importance

UNITS = {
    "kernel_us": "us", "decode_us": "us/token", "prefill_us": "us/pass", "figure_us": "us", "figure": "",
    "peak_memory_bytes": "GiB", "energy_j": "mJ",
}  # fmt: skip


def verdicts(comparison: Comparison) -> Table:
    """The worst first."""
    columns = (
        Column("gate", ""),
        Column("case", "Case"),
        Column("base", "Base", right=True),
        Column("head", "Head", right=True),
        Column("unit", "Unit", extra=True),
        Column("ratio", "Ratio, interval", ends=True),
        Column("confidence", "%", right=True, extra=True),
        Column("verdict", "Verdict"),
        Column("units", "Units", right=True),
        Column("outputs", "Outputs", sparse=True),
        Column("apart", "Outputs apart", sparse=True, extra=True),
        Column("reason", "Why"),
    )
    rows = []
    for v in sorted(comparison.verdicts, key=importance):
        cells: tuple[Cell, ...] = (
            Words("gate" if v.gated else ""), Name(clean(v.case), long=True), _value(v, v.base), _value(v, v.head),
            Words(UNITS[v.metric], "nowrap"), Change(v.ratio, ratio_words(v)) if v.ratio else None, Words(sure(v)),
            Mark(str(v.verdict), v.verdict.tone, strong=v.gated), _units(v),
            *_outputs(v), Words(clean(v.words, 400), "wide"),
        )  # fmt: skip
        rows.append(Row(cells, importance(v), str(v.verdict)))
    caption = (
        "Ratios are head over base with their interval. A gate decides the exit status, "
        f"{int(comparison.exit_status)}; the other rows explain."
    )
    return Table("verdicts", "Verdict on every case", columns, tuple(rows), caption)


def differences(comparison: Comparison) -> Table:
    """Conditions that differ between the two sides."""
    columns = (Column("condition", "Condition"), Column("base", "Base"), Column("head", "Head"))
    shown = ((found.label, found.base, found.head) for found in comparison.differences)
    rows = [Row(tuple(Words(clean(value, 400)) for value in values)) for values in shown]
    accepted = ", accepted" if comparison.comparable else ""
    caption = f"Differences between the two environments{accepted}."
    return Table("differences", "Conditions that differ", columns, tuple(rows), caption)


def ratio_words(verdict: CaseVerdict) -> str:
    """`1.020x slower [1.016, 1.023]`; `1.05x more` for memory, with the interval for energy. Empty without a ratio."""
    ratio = verdict.ratio
    if ratio is None:
        return ""
    if verdict.metric == "peak_memory_bytes":
        return "equal" if ratio.value == 1 else ratio.worded("more", "less")
    words = ratio.words if verdict.is_time else ratio.worded("more", "less")
    return f"{'equal' if ratio.value == 1 else words} {ratio.interval}"


def shown_value(verdict: CaseVerdict, value: float) -> str:
    """One side's value in the unit of its metric."""
    if verdict.metric == "peak_memory_bytes":
        return gib(value)
    return number(1e3 * value if verdict.metric == "energy_j" else value)


def sure(verdict: CaseVerdict) -> str:
    """Confidence of the interval; empty for an exact ratio."""
    exact = verdict.ratio is None or verdict.ratio.low == verdict.ratio.high
    return "" if verdict.ratio is None or exact else f"{100 * verdict.ratio.confidence:.3g}"


def _outputs(verdict: CaseVerdict) -> tuple[Cell, Cell]:
    """Whether both sides computed the same, and their distance if not."""
    found = verdict.outputs
    if found is None:
        return None, None
    tone = "alarm" if found.sameness is Sameness.DIFFERS else ""
    return Mark(found.word, tone), Words(found.distance, "nowrap") if found.distance else None


def _value(verdict: CaseVerdict, value: float | None) -> Number | None:
    return None if value is None else Number(value, shown_value(verdict, value))


def _units(verdict: CaseVerdict) -> Number | None:
    """`6 pairs`, `4 a side`, or `20 rounds` of a side's only process."""
    ratio = verdict.ratio
    if ratio is None or ratio.level == "exact":
        return None
    return Number(ratio.n, f"{ratio.n} {({'pair': 'pairs', 'process': 'a side'}).get(ratio.level, 'rounds')}")
