"""Kernels timed alone: one group for each question, one row for each answer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.engines import engine_facts
from harness.values.case import Case, same_shape
from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Status

from ..figures import axes_words, clean, config_words
from .joined import Joined, MeasuredCase, by_question, shared_arms

MOST_ROWS = 24
"""Most rows of one group; a sweep has hundreds."""

OTHER_TIMERS = ("pytest-benchmark",)


@dataclass(frozen=True)
class KernelRow:
    """An answer to a kernel question."""

    arms: tuple[str, ...]
    """All arms that give this answer."""
    config: str
    estimate: Estimate | None
    """us per call."""
    gb_s: float | None
    bound_share: float | None
    """Least time over time, both for the same bytes."""
    in_model: float | None
    """Time per call inside the profiled decode over the time alone."""
    ratio: Ratio | None
    """Against the run's first arm."""
    source: MeasuredCase

    @property
    def us(self) -> float:
        """Infinity if it was not timed."""
        return self.estimate.value if self.estimate else math.inf


@dataclass(frozen=True)
class KernelGroup:
    """name: `moe_gate_up`, `int4_mm@lm_head`. axes: in words. bound_us: least time by bytes. calls: per decoded token.
    left_out: rows beyond `MOST_ROWS`, the slowest of a sweep."""

    name: str
    axes: str
    calls: int
    bound_us: float | None
    rows: tuple[KernelRow, ...]
    left_out: int = 0

    def title(self, usual: str) -> str:
        """The name, with the axes unless they are the usual ones."""
        return self.name if self.axes == usual else f"{self.name}, {self.axes}"

    @property
    def timed(self) -> bool:
        return any(row.estimate for row in self.rows)


def kernel_groups(joined: Joined) -> tuple[KernelGroup, ...]:
    groups = (_group(joined, entries) for entries in by_question(joined.kind("kernel")))
    return tuple(group for group in groups if group.timed)


def timed_cold(groups: Sequence[KernelGroup]) -> bool:
    """Whether weights came from memory: they do under our own timers; for other timers it is unknown."""
    measured = (row.source.measurement for group in groups for row in group.rows)
    return any(m is not None and m.timer not in OTHER_TIMERS for m in measured)


def is_sweep(groups: Sequence[KernelGroup]) -> bool:
    """Whether these are the configurations of a sweep, which are compared with the fastest of them."""
    return any(row.source.case.tunables_in_id for group in groups for row in group.rows)


def usual_axes(groups: Sequence[KernelGroup]) -> str:
    """The axes that most groups have: a heading states them once, and a name only if it differs."""
    return Counter(group.axes for group in groups).most_common(1)[0][0] if groups else ""


def _group(joined: Joined, entries: Sequence[MeasuredCase]) -> KernelGroup:
    sweep = any(entry.case.tunables_in_id for entry in entries)
    ok = [entry for entry in entries if entry.measurement and entry.measurement.status is Status.OK and entry.timed]
    if sweep:  # compared with the fastest, which is then the first
        ok.sort(key=lambda entry: found.value if (found := joined.estimate(entry)) else math.inf)
    rows = [_row(joined, entry, ok, arms) for entry, arms in shared_arms(ok)]
    if sweep:
        rows.sort(key=lambda row: row.us)
    case = entries[0].case
    bounds = [bound for entry in ok if (bound := joined.bound_us(entry)) is not None]
    return KernelGroup(
        name=site_name(case),
        axes=axes_words(case.axes, "kernel"),
        calls=case.calls,
        bound_us=bounds[0] if bounds else None,
        rows=tuple(rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def _row(joined: Joined, entry: MeasuredCase, group: Sequence[MeasuredCase], arms: tuple[str, ...]) -> KernelRow:
    estimate = joined.estimate(entry)
    bound_us = joined.bound_us(entry)
    measurement = entry.measurement
    assert measurement is not None
    gb_s = measurement.work.bytes / estimate.value / 1e3 if measurement.work and estimate else None
    return KernelRow(
        arms=arms,
        config=config_words(measurement.case.answer),
        estimate=estimate,
        gb_s=gb_s or None,
        bound_share=bound_us / estimate.value if bound_us and estimate else None,
        in_model=_in_model(joined, entry.case, estimate),
        ratio=joined.against_first(group, entry),
        source=entry,
    )


def _in_model(joined: Joined, case: Case, alone: Estimate | None) -> float | None:
    """Mean time per call in the profiled decode of the same arm over the time alone; None without such a profile. A
    decode captured in a graph is preferred."""
    for profile in sorted(joined.run.profiles, key=lambda profile: not engine_facts(profile.engine).replays_ops):
        if alone is None or profile.arm != case.arm or profile.device != "cuda" or not profile.steps or not case.calls:
            continue
        if not same_shape(case.axes, profile.axes):
            continue
        total_ns = sum(row.total_ns for row in profile.kernels if row.scope == case.op_site)
        if total_ns:
            return total_ns / 1e3 / profile.steps / case.calls / alone.value
    return None


def site_name(case: Case) -> str:
    return clean(case.label)
