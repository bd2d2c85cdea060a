"""The quality of a run's data: samples, spread, clocks, and the rows that trace readers repaired or could not place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from harness.values.measurement import Conditions, Measurement
from harness.values.numerics import BatchInvariance, Determinism, Sameness

from ..figures import clean, percent, plural, span
from .joined import Joined
from .run_view import throttling
from .samples_view import Strip, in_processes


def quality_rows(joined: Joined, strips: Sequence[Strip]) -> tuple[tuple[str, str], ...]:
    """Name and value in words. Facts that were not recorded are absent."""
    return tuple(_rows(joined, strips))


def _rows(joined: Joined, strips: Sequence[Strip]) -> Iterator[tuple[str, str]]:
    yield from _samples(strips)
    conditions = joined.run.conditions
    if conditions:
        yield "Readings", plural(len(conditions), "round")
        yield "Throttling", throttling(conditions) or _unread(conditions)
    for name, unit, value in _READINGS:
        found = [reading for c in conditions if (reading := value(c)) is not None]
        if found:
            yield name, f"{span(round(min(found)), round(max(found)))} {unit}, median {round(median(found)):,}"
    repeated = [m.correctness.repeatable for m in joined.run.measurements if m.correctness]
    differs = sum(known is False for known in repeated)
    labels = label_rows(joined.run.measurements)
    yield from labels
    if differs and not labels:
        yield "Second call", f"not the same bits in {plural(differs, 'case')}, within the tolerance"
    for profile in joined.run.profiles:
        who = f"Profile of {clean(profile.arm)}, {clean(profile.engine)}"
        odd = ", ".join(
            f"{clean(name).replace('_', ' ')} {count:,}" for name, count in sorted(profile.data_quality.items())
        )
        whole = profile.kernel_sum_ns
        placed = f"{percent(profile.attributed_ns / whole)} of kernel time has an op or scope" if whole else ""
        yield who, "; ".join(part for part in (placed, odd or "nothing damaged, dropped or odd") if part)


def label_rows(measurements: Iterable[Measurement]) -> tuple[tuple[str, str], ...]:
    """The number of kernels that repeat themselves, and of rows that do not depend on their neighbours. None without
    such checks."""
    numerics = [m.numerics for m in measurements if m.numerics]
    repeats = [found.determinism for found in numerics if found.determinism]
    rows = [found.batch_invariance for found in numerics if found.batch_invariance and found.batch_invariance.rows]
    found = []
    if repeats:
        calls = span(min(label.calls for label in repeats), max(label.calls for label in repeats))
        found.append(("Same call again", _counted(repeats, f"{calls} calls each beside a busy neighbour")))
    if rows:
        among = span(min(label.among for label in rows), max(label.among for label in rows))
        found.append(("Row alone", _counted(rows, f"against the same row among {among}")))
    return tuple(found)


def _counted(labels: Sequence[Determinism | BatchInvariance], how: str) -> str:
    """`bit for bit in 40 of 41 cases, 20 calls each beside a busy neighbour; within the tolerance in 1`"""
    counts = Counter(label.sameness for label in labels)
    said = [f"bit for bit in {counts[Sameness.BITWISE]} of {plural(len(labels), 'case')}, {how}"]
    odd = ((Sameness.WITHIN, "within the tolerance"), (Sameness.DIFFERS, "beyond the tolerance"))
    return "; ".join([*said, *(f"{words} in {counts[kind]}" for kind, words in odd if counts[kind])])


_READINGS: tuple[tuple[str, str, Callable[[Conditions], float | None]], ...] = (
    ("SM clock", "MHz", lambda c: c.sm_clock_mhz),
    ("Memory clock", "MHz", lambda c: c.memory_clock_mhz),
    ("Temperature", "°C", lambda c: c.temperature_c),
    ("Power", "W", lambda c: c.power_w),
)


def _samples(strips: Sequence[Strip]) -> Iterator[tuple[str, str]]:
    if not strips:
        return
    processes = {process for strip in strips for process in strip.processes}
    where = f"{plural(len(strips), 'case')} and {plural(len(processes), 'process', 'processes')}"
    yield "Samples", f"{sum(strip.count for strip in strips):,} of {where}, none trimmed"
    fewest = min(strips, key=lambda strip: strip.count)
    yield "Fewest samples", f"{fewest.count:,}, {fewest.name}, {fewest.arm}"
    several = in_processes(strips)
    if several:
        worst = max(several, key=lambda strip: strip.apart)
        yield "Largest spread of processes", f"{percent(worst.apart)}, {worst.name}, {worst.arm}"


def _unread(conditions: tuple[Conditions, ...]) -> str:
    """A machine that does not report its clocks leaves throttling unknown."""
    read = any(c.sm_clock_mhz is not None for c in conditions)
    return "none seen" if read else "this machine does not say"
