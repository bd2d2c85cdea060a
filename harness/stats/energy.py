"""Joules per call or token with their interval, from the windows of a case, by what is done with times."""

from __future__ import annotations

import msgspec

from harness.stats.estimate import estimate
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement, Sample


def joules(measurement: Measurement, *, net: bool = False) -> Estimate | None:
    """Per unit; None where they are not known. Level and interval are those of a time: the windows are its samples.
    net: without what the idle device would have taken; None where that was as much in some window."""
    samples = in_joules(measurement, net=net).samples
    return estimate(samples) if all(sample.value_us > 0 for sample in samples) else None


def in_joules(measurement: Measurement, *, net: bool = False) -> Measurement:
    """With a window for each sample, whose value is joules per unit in the place of microseconds: for `estimate`,
    `ratio` and pairs."""
    samples = tuple(
        Sample(window.net_j if net else window.gross_j, window.process, number)
        for number, window in enumerate(measurement.energy)
    )
    return msgspec.structs.replace(measurement, samples=samples)
