"""Joules of work that goes on and on, from the device's own counter.

The counter moves in steps, some tens of milliseconds apart; a window that began and ended anywhere would be wrong by a
step's energy. So windows begin and end where the counter is seen to move, by a thread that polls it around those
moments alone, and the work done in a window is interpolated between the ends of its runs.
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
from harness.device.timer import Timed
from harness.values.energy import EnergyWindow
from harness.values.measurement import Measurement

WINDOW_S = 1.0
"""Polled to 1 ms at both ends: 0.2 % each, and 0.02 % over all of them."""
WINDOWS = 10
"""10 s in all."""
WARM_S = 2.0
"""Clocks and voltage have settled."""
STEADY = 0.005
"""The power of the second half of the windows is that of the first within this, or the work goes on: a chip that warms
up takes more from second to second."""
MOST_WINDOWS = 30
POLL_S = 0.001
STUCK_S = 2.0
"""A counter that has not moved for so long does not count."""
IDLE_S = 1.0
"""And as long before it, for what ran until then to come to rest."""
TICKS = 9
"""Whose distances tell the counter's period."""
CHUNK_S = 0.02
"""Passes over a batch that are launched ahead of the device: long beside the gap until the next ones are launched."""
NO_COUNTER = "{} has no energy counter"
_perf_counter, _Thread = time.perf_counter, threading.Thread
"""As they were before any kernel was imported."""


class EnergyUnknown(Exception):
    """There are no joules; the text says why."""


class Tick(NamedTuple):
    """The counter when it was first seen to have moved: at some time within `within_s` before `at_s`, when it was asked
    before."""

    at_s: float
    joules: float
    within_s: float


class EnergyMeter:
    """The counter of one device in one process. stop: set to end every wait."""

    def __init__(self, device: Device, process: int = 0) -> None:
        self._device, self._process = device, process
        self._stop = threading.Event()

    def tick(self) -> Tick:
        """Waits for the counter's next step. EnergyUnknown where there is none, or no counter."""
        began_s = asked_s = _perf_counter()
        seen = self._joules()
        while asked_s - began_s < STUCK_S and not self._stop.is_set():
            self._stop.wait(POLL_S)
            before_s, asked_s = asked_s, _perf_counter()
            joules, now_s = self._joules(), _perf_counter()
            if joules != seen:
                return Tick(now_s, joules, now_s - before_s)
        raise EnergyUnknown(f"the energy counter did not move in {STUCK_S:g} s")

    @cached_property
    def tick_s(self) -> float:
        """The median time between two steps of the counter."""
        ticks = [self.tick() for _ in range(TICKS)]
        return statistics.median(after.at_s - before.at_s for before, after in pairwise(ticks))

    @cached_property
    def idle_w(self) -> float:
        """Power while nothing runs here, with the process' memory held."""
        self._device.synchronize()
        self._stop.wait(IDLE_S)
        first = self.tick()
        self._stop.wait(IDLE_S)
        last = self.tick()
        return (last.joules - first.joules) / (last.at_s - first.at_s)

    def windows(self, run: Callable[[], None], units: float) -> tuple[EnergyWindow, ...]:
        """Joules of `run`, which waits for what it launched and does so many units, called again and again. What it
        raises is raised. EnergyUnknown where the device does not say."""
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
        """Joules per call of a batch that is run again and again, without a flush between. Raises as `windows` does."""
        begin_s = _perf_counter()
        calls = len(timed.replay())
        times = max(1, int(CHUNK_S / (_perf_counter() - begin_s)))
        return self.windows(lambda: timed.repeat(times), calls * times)

    def _read(self, ticks: list[Tick], problems: list[EnergyUnknown], done: threading.Event) -> None:
        """The last windows' ticks, once these are steady; then `done`."""
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
    """Of one case; its windows, or why there are none."""

    windows: tuple[EnergyWindow, ...] = ()
    unknown: str = ""

    def of(self, found: Measurement) -> Measurement:
        """The measurement with it, where that has samples."""
        if not found.samples:
            return found
        return msgspec.structs.replace(found, energy=self.windows, no_energy=self.unknown)


NOT_ASKED = Energy()


def known(windows: Callable[[], tuple[EnergyWindow, ...]]) -> Energy:
    """What was measured, or why it is not known."""
    try:
        return Energy(windows())
    except EnergyUnknown as error:
        return Energy(unknown=str(error))


def is_steady(ticks: Sequence[Tick]) -> bool:
    """Whether the power of the second half is that of the first, to within `STEADY`."""
    first, middle, last = ticks[0], ticks[len(ticks) // 2], ticks[-1]
    earlier_w, later_w = _power_w(first, middle), _power_w(middle, last)
    return abs(later_w - earlier_w) <= STEADY * earlier_w


def _power_w(before: Tick, after: Tick) -> float:
    return (after.joules - before.joules) / (after.at_s - before.at_s)


def units_done(ends_s: Sequence[float], at_s: float) -> float:
    """How many runs were done by a time. ends_s: the start, then the end of each run, which last until after `at_s`; a
    run that was under way counts by its share of its time."""
    place = bisect_left(ends_s, at_s)
    before_s, after_s = ends_s[place - 1], ends_s[place]
    return place - 1 + (at_s - before_s) / (after_s - before_s)
