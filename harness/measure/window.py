"""A window of calls that a clock outside of this process also times."""

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
"""Length of a window; the parent's reading is late by some hundred us."""
LONGER = 4
MOST_PASSES = 512
"""Most passes of the first window, however short this process' clock says that they are."""


def time_from_outside(clock: OuterClock, entry: Ready, samples: Sequence[Sample], device: Device) -> None:
    """Run the calls of a case in windows until the outside clock wants no other, each four times as long.

    Either process waits for a core for a few tens of ms on a busy machine, whatever the window's length. The last
    outputs are checked: a kernel that leaves work out in a window is found like one that leaves it out in a sample.
    """
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
