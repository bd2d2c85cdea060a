"""Joules of work that repeats without pause, from the device's own counter.

The counter moves in steps, some tens of milliseconds apart. A window with arbitrary ends would be wrong by the energy
of one step. So windows begin and end at moments when the counter is seen to move, and a thread polls it only around
those moments. The work done in a window is interpolated between the ends of its runs.
"""

from __future__ import annotations

import statistics
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import msgspec

from harness.device.device import Device
from harness.device.energy_ticks import EnergyUnknown, Tick, next_tick
from harness.device.timer import Timed
from harness.values.energy import EnergyWindow
from harness.values.measurement import Measurement

WINDOW_S = 1.0
"""Length of a window in seconds. Both ends are polled to 1 ms: 0.2 % of error each, and 0.02 % over all windows."""
WINDOWS = 10
"""Number of windows: 10 s in all."""
WARM_S = 2.0
"""Seconds until clocks and voltage have settled."""
STEADY = 0.005
"""Windows are steady where the power of their second half equals that of the first within this share; else the work
goes on. A chip that warms up takes more power from second to second."""
MOST_WINDOWS = 30
IDLE_S = 1.0
"""Seconds of the idle measurement, and of the wait before it in which earlier work comes to rest."""
TICKS = 9
"""Ticks whose distances give the counter's period."""
CHUNK_S = 0.02
"""Seconds of passes over a batch that are launched ahead of the device: long beside the gap until the next launches."""
NO_COUNTER = "{} has no energy counter"
_perf_counter, _Thread = time.perf_counter, threading.Thread
"""The originals, taken before any kernel was imported."""


class EnergyMeter:
    """The energy counter of one device in one process. stop: set to end every wait."""

    def __init__(self, device: Device, process: int = 0) -> None:
        self._device, self._process = device, process
        self._stop = threading.Event()

    def tick(self) -> Tick:
        """Wait for the counter's next step. Raises EnergyUnknown where there is none, or no counter."""
        return next_tick(self._joules, self._stop, _perf_counter)

    @cached_property
    def tick_s(self) -> float:
        """The median time between two steps of the counter."""
        ticks = [self.tick() for _ in range(TICKS)]
        return statistics.median(after.at_s - before.at_s for before, after in pairwise(ticks))

    @cached_property
    def idle_w(self) -> float:
        """Power in watts while nothing runs here and the process keeps its memory."""
        self._device.synchronize()
        self._stop.wait(IDLE_S)
        first = self.tick()
        self._stop.wait(IDLE_S)
        last = self.tick()
        return (last.joules - first.joules) / (last.at_s - first.at_s)

    def windows(self, run: Callable[[], None], units: float) -> tuple[EnergyWindow, ...]:
        """Joules of `run`, called again and again. Each call does `units` units of work and waits for its launches.
        Re-raises the errors of `run`; raises EnergyUnknown where the device gives no energy."""
        tick_s, idle_w = self.tick_s, self.idle_w
        ticks, problems, done = list[Tick](), list[EnergyUnknown](), threading.Event()
        self._stop.clear()
        reader = _Thread(target=self._read, args=(ticks, problems, done), daemon=True)
        reader.start()
        ends_s = [_perf_counter()]
        try:
            while not done.is_set():
                run()
                ends_s.append(_perf_counter())
        finally:
            self._stop.set()
            reader.join()
            self._stop.clear()
        if problems:
            raise problems[0]
        done_at = [units * units_done(ends_s, tick.at_s) for tick in ticks]
        return tuple(
            EnergyWindow(
                after.joules - before.joules, after.at_s - before.at_s, done_at[place + 1] - done_at[place],
                self._process, before.within_s + after.within_s, tick_s, idle_w,
            )
            for place, (before, after) in enumerate(pairwise(ticks))
        )  # fmt: skip

    def of_batch(self, timed: Timed) -> tuple[EnergyWindow, ...]:
        """Joules per call of a batch that repeats without a flush between calls. Raises as `windows` does."""
        begin_s = _perf_counter()
        calls = len(timed.replay())
        times = max(1, int(CHUNK_S / (_perf_counter() - begin_s)))
        return self.windows(lambda: timed.repeat(times), calls * times)

    def _read(self, ticks: list[Tick], problems: list[EnergyUnknown], done: threading.Event) -> None:
        """Collect the ticks of the last windows until these are steady, then set `done`."""
        try:
            self._stop.wait(WARM_S)
            every = [self.tick()]
            while len(every) <= MOST_WINDOWS and not (len(every) > WINDOWS and is_steady(every[-WINDOWS - 1 :])):
                self._stop.wait(max(0.0, every[-1].at_s + WINDOW_S - _perf_counter()))
                every.append(self.tick())
            ticks += every[-WINDOWS - 1 :]
        except EnergyUnknown as error:
            problems.append(error)
        finally:
            done.set()

    def _joules(self) -> float:
        joules = self._device.joules()
        if joules is None:
            raise EnergyUnknown(NO_COUNTER.format(self._device.facts()["device_name"]))
        return joules


class Energy(NamedTuple):
    """The energy of one case: its windows, or the reason why there are none."""

    windows: tuple[EnergyWindow, ...] = ()
    unknown: str = ""

    def of(self, found: Measurement) -> Measurement:
        """Return the measurement with this energy, where the measurement has samples."""
        if not found.samples:
            return found
        return msgspec.structs.replace(found, energy=self.windows, no_energy=self.unknown)


NOT_ASKED = Energy()


def known(windows: Callable[[], tuple[EnergyWindow, ...]]) -> Energy:
    """Return the measured windows, or the reason why the energy is unknown."""
    try:
        return Energy(windows())
    except EnergyUnknown as error:
        return Energy(unknown=str(error))


def is_steady(ticks: Sequence[Tick]) -> bool:
    """Whether the power of the second half equals that of the first within `STEADY`."""
    first, middle, last = ticks[0], ticks[len(ticks) // 2], ticks[-1]
    earlier_w, later_w = _power_w(first, middle), _power_w(middle, last)
    return abs(later_w - earlier_w) <= STEADY * earlier_w


def _power_w(before: Tick, after: Tick) -> float:
    return (after.joules - before.joules) / (after.at_s - before.at_s)


def units_done(ends_s: Sequence[float], at_s: float) -> float:
    """The number of runs done by the time `at_s`. A run that was under way counts by its share of its time. ends_s: the
    start, then the end of each run; the last one lies after `at_s`."""
    place = bisect_left(ends_s, at_s)
    before_s, after_s = ends_s[place - 1], ends_s[place]
    return place - 1 + (at_s - before_s) / (after_s - before_s)
