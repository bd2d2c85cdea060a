"""Joules of the whole GPU while a program outside works on it: from a tick of the GPU's counter to a later one."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from threading import Event
from typing import Protocol

from harness.device.energy_ticks import EnergyUnknown, Tick, next_tick
from harness.device.nvml import ConditionsReader, visible_gpus
from harness.values.energy import EnergyWindow

TICKS = 4
"""Ticks before the work, whose distances give the counter's period."""
NO_GPU = "the joules of external programs are measured on a GPU alone"
SEVERAL = "several GPUs are visible, and each has a counter of its own; let CUDA_VISIBLE_DEVICES name one"


class Counter(Protocol):
    """An energy counter: joules since some earlier time; None where there is none."""

    def joules(self) -> float | None: ...


def counter_for(uuid: str | None, process: int, alone: bool) -> OutsideEnergy:
    """The energy of the GPU that programs see. alone: nothing of what is measured runs yet. Raises EnergyUnknown where
    there is no counter, not one alone, or where programs of others are on the GPU, whose joules would be counted."""
    if uuid is None:
        raise EnergyUnknown(NO_GPU)
    if len(visible_gpus()) > 1:
        raise EnergyUnknown(SEVERAL)
    counter = ConditionsReader(uuid)
    if alone and (others := counter.processes()):
        raise EnergyUnknown(f"{others} other processes were on the GPU, whose counter is that of all of them")
    return OutsideEnergy(counter, process)


class OutsideEnergy:
    """Windows of one arm: `begin`, the work, `end`. They include the idle GPU's power, since an idle GPU and a server
    that waits look the same."""

    def __init__(self, counter: Counter, process: int) -> None:
        self._counter, self._process = counter, process
        self._first: list[Tick] = []

    def begin(self) -> None:
        """Wait for a few ticks. Raises EnergyUnknown where none comes."""
        self._first = [self._tick() for _ in range(TICKS)]

    def end(self, units: float) -> EnergyWindow:
        """The window from the last tick before the work to the first one after it. Raises EnergyUnknown."""
        before, after = self._first[-1], self._tick()
        tick_s = statistics.median(late.at_s - early.at_s for early, late in pairwise(self._first))
        return EnergyWindow(
            after.joules - before.joules, after.at_s - before.at_s, units, self._process,
            before.within_s + after.within_s, tick_s,
        )  # fmt: skip

    def _tick(self) -> Tick:
        return next_tick(self._joules, Event(), time.perf_counter)

    def _joules(self) -> float:
        joules = self._counter.joules()
        if joules is None:
            raise EnergyUnknown("the GPU has no energy counter")
        return joules
