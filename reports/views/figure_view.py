"""Figures of outside programs: a command, a server, a runner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Measurement, Status

from ..figures import axes_words, clean, ratio_full
from .joined import Joined, MeasuredCase, by_question, rate, shared_arms

RATE_OF = "us/"
"""Start of the unit of a figure that is the time of one item."""


@dataclass(frozen=True)
class FigureRow:
    """One arm's figure. value: in the group's unit. per_s: its rate, if the unit is the time of one item. ratio:
    against the run's first arm."""

    arms: tuple[str, ...]
    value: Estimate
    per_s: Estimate | None
    ratio: Ratio | None
    measurement: Measurement


@dataclass(frozen=True)
class FigureGroup:
    """A figure of every arm at one point of the axes. thing: item of the rate, `token` for `us/token`; else empty."""

    name: str
    engine: str
    axes: str
    unit: str
    thing: str
    rows: tuple[FigureRow, ...]

    @property
    def title(self) -> str:
        return ", ".join(filter(None, (self.name, self.axes, self.engine)))

    @property
    def is_time(self) -> bool:
        return self.unit.startswith("us")


def figure_groups(joined: Joined) -> tuple[FigureGroup, ...]:
    """Groups in the order of the plan; none for a figure that no arm has."""
    groups = []
    for entries in by_question(joined.kind("figure")):
        ok = [e for e in entries if e.samples and e.measurement and e.measurement.status is Status.OK]
        if ok:
            groups.append(_group(joined, ok))
    return tuple(groups)


def _group(joined: Joined, ok: Sequence[MeasuredCase]) -> FigureGroup:
    case = ok[0].case
    thing = case.unit.removeprefix(RATE_OF) if case.unit.startswith(RATE_OF) else ""
    rows = tuple(_row(joined, entry, ok, arms, bool(thing)) for entry, arms in shared_arms(ok))
    axes = axes_words(case.axes, case.kind)
    return FigureGroup(clean(case.op or ""), clean(case.engine or ""), axes, clean(case.unit), clean(thing), rows)


def _row(
    joined: Joined, entry: MeasuredCase, group: Sequence[MeasuredCase], arms: tuple[str, ...], has_rate: bool
) -> FigureRow:
    measurement, value = entry.measurement, joined.estimate(entry)
    assert measurement is not None and value is not None
    per_s = rate(value, 1) if has_rate else None
    return FigureRow(arms, value, per_s, joined.against_first(group, entry), measurement)


def figure_sentences(group: FigureGroup) -> list[str]:
    """`decode, executorch, fused against baseline: 1.05x faster [..].`"""
    first = ", ".join(group.rows[0].arms)
    found = []
    for row in (row for row in group.rows if row.ratio):
        ratio = row.ratio
        assert ratio is not None
        words = ratio_full(ratio) if group.is_time else f"{ratio.worded('more', 'less')} {ratio.interval}"
        found.append(f"{group.title}, {', '.join(row.arms)} against {first}: {words}.")
    return found
