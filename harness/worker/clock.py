"""A clock outside of the kernel's process: the parent reads it before and after a window of calls.

A kernel runs in the process that times it. Code in that process cannot see changes that the kernel makes to the clock
below Python. So the worker announces a window of calls, waits for the parent, runs them and reports the time by its own
clock. The parent reads its own clock and the worker's processor time, which the system counts. One window shows whether
the worker's clock agrees with the parent's, and how long a call really takes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from harness.values.measurement import Measurement, Status
from harness.worker.messages import Go, Measured, Outcome, TryReply, WindowBegins, WindowEnds
from harness.worker.wire import Wire

OVERHEAD_US = 1000.0
"""Time that only the parent's interval contains: two messages, a flush and the work queued ahead of a sample (0.4 ms on
a GPU)."""
CLOCKS_APART = 0.05
"""Allowed share of a window, beyond its overhead: no two clocks of a machine differ by a thousandth."""
MOST_WAITED_US = 10_000.0
"""Most waiting for cores that a window may subtract. On a busy machine either process waits for a core before it reads
its clock, and Linux counts these waits. After a longer wait, the next window is longer."""
CLAIMED_TOO_MUCH = 0.01
"""Tolerance above the parent's time, since the worker's interval lies inside of the parent's."""
LEAST_SHARE = {"gpu": 0.7, "cpu": 0.5}
"""Least share of the parent's time per call that the median of the samples must reach. Samples run with cold caches and
windows with warm ones, so samples take longer. But a window also writes new activations (up to 15 % of the smallest
kernels on a GPU), and the cores of a CPU are slower beside busy neighbours."""
MOST_WINDOWS = 5
"""Windows grow from 10 ms to 2.6 s. In the longest, a delay of 100 ms is within CLOCKS_APART; a clock that runs 5 %
slow is not."""
LONGEST_US = 2_560_000.0
"""No window follows one of this length that contradicts like those before it. The parent's clock tells: by a clock that
runs at a tenth, windows would grow to 26 s."""


class OuterClock(Protocol):
    """The worker's end."""

    def begins(self, case: str) -> None:
        """Return when the parent has read its clock."""
        ...

    def ends(self, window: WindowEnds) -> bool:
        """Return whether the parent wants a longer window."""
        ...


class WireClock:
    """Reaches the parent by wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def begins(self, case: str) -> None:
        self._wire.send(WindowBegins(case))
        self._wire.receive(Go)

    def ends(self, window: WindowEnds) -> bool:
        self._wire.send(window)
        again: bool = self._wire.receive(Go).again
        return again


class Now(msgspec.Struct, frozen=True):
    """Clocks of the system, in ns: monotonic, the processor time of a process, and how long its first thread and this
    thread have waited for cores."""

    wall_ns: int
    processor_ns: int | None
    waited_ns: int

    @classmethod
    def read(cls, pid: int) -> Now:
        wall_ns, processor_ns = time.perf_counter_ns(), None
        with suppress(OSError, AttributeError):  # not on Linux
            processor_ns = time.clock_gettime_ns((~pid << 3) | 2)  # clock_getcpuclockid(3), CPUCLOCK_SCHED
        return cls(wall_ns, processor_ns, _waited_ns(str(pid)) + _waited_ns("thread-self"))


def _waited_ns(of: str) -> int:
    """The second number of schedstat, in ns; 0 where the system keeps none."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{of}/schedstat").read_text().split()[1])
    return 0


class Reading(msgspec.Struct, frozen=True):
    """The duration of a window by the parent's clock and in the worker's processor time, and how long both waited for
    cores meanwhile. None, 0: the system does not report it."""

    ends: WindowEnds
    wall_us: float
    processor_us: float | None = None
    waited_us: float = 0.0

    @property
    def worked_us(self) -> float:
        """Lower bound in us of the window's own work, whoever else used the cores."""
        if self.ends.threads is None or self.processor_us is None:
            return self.wall_us
        return min(self.wall_us, self.processor_us / self.ends.threads)

    @property
    def apart(self) -> str:
        """How the two clocks differ; empty where they agree."""
        claimed, wall = self.ends.claimed_us, self.wall_us
        least = (1 - CLOCKS_APART) * wall - OVERHEAD_US - min(self.waited_us, MOST_WAITED_US)
        if least <= claimed <= (1 + CLAIMED_TOO_MUCH) * wall:
            return ""
        calls = f"{self.ends.calls:,} call{'s' * (self.ends.calls != 1)}"
        return f"{calls} took {claimed:,.0f} us by the clock of the kernel's process and {wall:,.0f} us by its parent's"

    def too_fast(self, median_us: float) -> str:
        """The reason why samples with that median cannot be times of these calls; empty where they can."""
        call_us = max(0.0, self.worked_us - OVERHEAD_US) / self.ends.calls
        share = LEAST_SHARE["gpu" if self.ends.threads is None else "cpu"]
        if median_us >= share * call_us:
            return ""
        return f"samples of {median_us:.3g} us, but by the parent's clock a call takes {call_us:.3g} us or more"


class ParentClock:
    """The parent's end, for one job. required: ids of the cases that must have a window. pid: the worker's."""

    def __init__(self, pid: int, required: Collection[str]) -> None:
        self._pid, self._required = pid, frozenset(required)
        self._readings: dict[str, list[Reading]] = {}
        self._begun = Now(0, None, 0)
        self._case = ""

    def answer(self, message: WindowBegins | WindowEnds) -> Go:
        """Read the clocks and return whether the worker is to run a longer window."""
        now, begun = Now.read(self._pid), self._begun
        if isinstance(message, WindowBegins):
            self._case, self._begun = message.case, now
            return Go()
        if message.case != self._case:
            return Go()
        processor_us = None
        if now.processor_ns is not None and begun.processor_ns is not None:
            processor_us = (now.processor_ns - begun.processor_ns) / 1e3
        waited_us = (now.waited_ns - begun.waited_ns) / 1e3
        readings = self._readings.setdefault(message.case, [])
        readings.append(Reading(message, (now.wall_ns - begun.wall_ns) / 1e3, processor_us, waited_us))
        is_last = len(readings) == MOST_WINDOWS or (len(readings) > 1 and readings[-1].wall_us >= LONGEST_US)
        return Go(again=bool(_wrong(readings, message.median_us)) and not is_last)

    def judged(self, event: object) -> object:
        """Return the event, with each measurement INVALID that the windows contradict."""
        if isinstance(event, Measured):
            return msgspec.structs.replace(event, measurement=self._judged(event.measurement))
        if isinstance(event, TryReply):
            against = event.against and self._judged(event.against)
            return msgspec.structs.replace(event, measurement=self._judged(event.measurement), against=against)
        if isinstance(event, Outcome):
            return msgspec.structs.replace(event, measurements=tuple(map(self._judged, event.measurements)))
        return event

    def _judged(self, measurement: Measurement) -> Measurement:
        if measurement.status is not Status.OK or not measurement.samples or measurement.case.id not in self._required:
            return measurement
        readings = self._readings.get(measurement.case.id)
        median_us = statistics.median(sample.value_us for sample in measurement.samples)
        reason = _wrong(readings, median_us) if readings else "its process let no window be timed from outside"
        if not reason:
            return measurement
        return msgspec.structs.replace(measurement, status=Status.INVALID, reason=reason, samples=())


def _wrong(readings: Sequence[Reading], median_us: float) -> str:
    """The contradiction between the last window of a case and samples with that median; empty where any window
    agrees."""
    found = [reading.apart or reading.too_fast(median_us) for reading in readings]
    return found[-1] if all(found) else ""
