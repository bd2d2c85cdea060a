"""One measurement of a case from the measurements of its processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from harness.values.measurement import WORST_FIRST, Measurement, Status


def merge_measurements(rows: Iterable[Measurement], order: Mapping[str, int]) -> tuple[Measurement, ...]:
    """Merge the rows of each case into one, in the order of the plan.

    Samples are joined by process and round. The worst status wins: a case that was wrong in one process of five is
    wrong. Its reason gives the number of processes, and it has no samples (they stay in the store).
    """
    by_case: dict[str, list[Measurement]] = {}
    for row in rows:
        by_case.setdefault(row.case.id, []).append(row)
    merged = [_merge(parts) for parts in by_case.values()]
    return tuple(sorted(merged, key=lambda m: order.get(m.case.id, len(order))))


def _merge(parts: list[Measurement]) -> Measurement:
    worst = min(parts, key=lambda part: WORST_FIRST.index(part.status))
    if worst.status is not Status.OK:
        same = sum(part.status is worst.status for part in parts)
        if len(parts) == 1:
            return worst
        return msgspec.structs.replace(worst, reason=f"{worst.reason} (in {same} of {len(parts)} processes)")
    samples = sorted((s for part in parts for s in part.samples), key=lambda s: (s.process, s.round))
    with_error = [part for part in parts if part.correctness is not None]
    hardest = max(with_error, key=lambda part: part.correctness.rms_error if part.correctness else 0.0, default=worst)
    peaks = [part.peak_memory_bytes for part in parts if part.peak_memory_bytes is not None]
    return msgspec.structs.replace(
        worst,
        samples=tuple(samples),
        correctness=hardest.correctness,
        peak_memory_bytes=max(peaks, default=None),
        energy=tuple(sorted((w for part in parts for w in part.energy), key=lambda window: window.process)),
        no_energy=next((part.no_energy for part in parts if part.no_energy), ""),
        numerics=next((part.numerics for part in parts if part.numerics is not None), None),
        quality=next((part.quality for part in parts if part.quality is not None), None),
        package=next((part.package for part in parts if part.package is not None), None),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
