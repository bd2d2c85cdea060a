"""A window of calls that a clock outside of this process times, too."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import torch

from harness.device.device import Device
from harness.measure.ready import Ready
from harness.values.measurement import Sample
from harness.worker.clock import OuterClock
from harness.worker.messages import WindowEnds

WINDOW_US = 10_000.0
"""The parent's reading is late by some hundred us."""
LONGER = 4
MOST_PASSES = 512
"""However short this process' clock says that they are."""


def time_from_outside(clock: OuterClock, entry: Ready, samples: Sequence[Sample], device: Device) -> None:
    """Runs the calls of a case in windows until the clock outside wants no other, each four times as long: what either
    process waits for a core is a few tens of ms on a busy machine, however long the window. The last outputs
    are looked at: who leaves work out in a window is found as who leaves it out in a sample."""
    batch, again, passes = entry.batch, True, 0
    median_us = statistics.median(sample.value_us for sample in samples)
    threads = None if device.gpu else torch.get_num_threads()
    while again:
        wanted = math.ceil(WINDOW_US / (max(median_us, 1e-3) * batch.calls))
        passes = LONGER * passes or min(MOST_PASSES, wanted)
        stretch_us = batch.stretch(passes)
        device.synchronize()
        clock.begins(entry.case.id)
        claimed_us = stretch_us()
        again = clock.ends(WindowEnds(entry.case.id, passes * batch.calls, claimed_us, median_us, threads))
    batch.look()
