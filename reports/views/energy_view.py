"""A run's energy in joules."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from harness.stats.energy import joules
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement
from harness.values.run import Run

from ..figures import clean, number


def millijoules(measurement: Measurement | None, *, net: bool = False) -> Estimate | None:
    """Per call or token. net: without the power of the idle device."""
    found = joules(measurement, net=net) if measurement else None
    if found is None:
        return None
    value, low, high = (1e3 * end for end in (found.value, found.low, found.high))
    return Estimate(value, low, high, found.confidence, found.n, found.level, found.noise)


def energy_sentences(run: Run) -> Iterator[str]:
    """The meaning of the figures, and the reasons for missing ones."""
    windows = [window for m in run.measurements for window in m.energy]
    idle = [window.idle_w for window in windows if window.idle_w is not None]
    if windows:
        tick_ms = 1e3 * statistics.median(window.tick_s for window in windows)
        yield (
            f"Energy is that of the whole device between ticks of its counter, which come every {number(tick_ms)} ms."
            + (f" Idle, the device takes {number(statistics.median(idle))} W; net is without them." if idle else "")
        )
    if len(idle) < len(windows):
        yield "Energy of external programs is that of the whole GPU, idle included, from before a program to after it."
    unknown = dict.fromkeys(m.no_energy for m in run.measurements if m.no_energy)
    yield from (f"Energy is not known: {clean(reason)}." for reason in unknown)
