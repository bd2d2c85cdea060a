"""The look at a machine before a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.device.cpu import CpuDevice
from harness.device.device import Stopwatch
from harness.device.sniff import READINGS, sniff


class Scripted(CpuDevice):
    """A CPU whose clock says what a test wants."""

    def __init__(self, times_us: list[float]) -> None:
        super().__init__()
        self.times_us = times_us

    def read_gb_s(self) -> float:
        return 80.0

    @contextmanager
    def stopwatch(self) -> Iterator[Stopwatch]:
        watch = Stopwatch()
        yield watch
        watch.us = self.times_us.pop(0)


def test_the_best_reading_of_a_probe_is_the_machines() -> None:
    """What disturbs some of them is not in it."""
    times = [30.0] * READINGS
    times[3] = 20.0
    found = sniff(Scripted(times))
    assert (found.matmul_us, found.read_gb_s, found.costs["memory"]) == (20.0, 80.0, 1 / 80)
    assert found.launch_us > 0 and found.host


def test_this_machine_is_looked_at() -> None:
    """All probes are times of real work, and the look says what it took."""
    found = sniff(CpuDevice())
    assert found.matmul_us > 1 and found.read_gb_s > 0.1 and found.launch_us > 0.05 and found.seconds > 0
    assert found.vbios is None and found.sm_clock_mhz is None
