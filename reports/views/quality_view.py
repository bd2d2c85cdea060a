"""How good the data of a run are: samples, spread, clocks, and what the trace readers repaired or could not place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from harness.values.measurement import Conditions
from harness.values.numerics import Determinism, Sameness

from ..figures import clean, percent, plural, span
from .joined import Joined
from .run_view import throttling
from .samples_view import Strip, in_processes


def quality_rows(joined: Joined, strips: Sequence[Strip]) -> tuple[tuple[str, str], ...]:
    """Name and value in words; what was not recorded is absent."""
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
    labels = [m.numerics.determinism for m in joined.run.measurements if m.numerics and m.numerics.determinism]
    if labels:
        yield "Same call again", _repeated(labels)
    elif differs:
        yield "Second call", f"not the same bits in {plural(differs, 'case')}, within the tolerance"
    for profile in joined.run.profiles:
        who = f"Profile of {clean(profile.arm)}, {clean(profile.engine)}"
        odd = ", ".join(
            f"{clean(name).replace('_', ' ')} {count:,}" for name, count in sorted(profile.data_quality.items())
        )
        whole = profile.kernel_sum_ns
        placed = f"{percent(profile.attributed_ns / whole)} of kernel time has an op or scope" if whole else ""
        yield who, "; ".join(part for part in (placed, odd or "nothing damaged, dropped or odd") if part)


def _repeated(labels: Sequence[Determinism]) -> str:
    """`bit for bit in 40 of 41 cases, 20 calls each beside a busy neighbour; within the tolerance in 1`"""
    counts = Counter(label.sameness for label in labels)
    calls = span(min(label.calls for label in labels), max(label.calls for label in labels))
    same, cases = counts[Sameness.BITWISE], plural(len(labels), "case")
    said = [f"bit for bit in {same} of {cases}, {calls} calls each beside a busy neighbour"]
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
    """Where a machine says nothing of its clocks, nothing is known of throttling."""
    read = any(c.sm_clock_mhz is not None for c in conditions)
    return "none seen" if read else "this machine does not say"
