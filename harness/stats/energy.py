"""Joules per call or token with their interval, from the windows of a case, by the statistics of times."""

from __future__ import annotations

import msgspec

from harness.stats.estimate import estimate
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement, Sample


def joules(measurement: Measurement, *, net: bool = False) -> Estimate | None:
    """Joules per unit. None if unknown. Level and interval are those of a time: the windows are its samples.

    net: Without the energy of the idle device. None if some window took no more than that, or that is not known.
    """
    if net and any(window.idle_w is None for window in measurement.energy):
        return None
    samples = in_joules(measurement, net=net).samples
    return estimate(samples) if all(sample.value_us > 0 for sample in samples) else None


def in_joules(measurement: Measurement, *, net: bool = False) -> Measurement:
    """The measurement with a sample for each window, whose value is joules per unit in the place of microseconds: for
    `estimate`, `ratio` and pairs."""
    samples = tuple(
        Sample((window.net_j or 0.0) if net else window.gross_j, window.process, number)
        for number, window in enumerate(measurement.energy)
    )
    return msgspec.structs.replace(measurement, samples=samples)
