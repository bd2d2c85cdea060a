"""Ticks of an energy counter: the moments at which it is seen to move. Between two of them its joules are exact."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

POLL_S = 0.001
STUCK_S = 2.0
"""Seconds without a step after which the counter is considered stuck."""


class EnergyUnknown(Exception):
    """The energy is unknown; the text gives the reason."""


class Tick(NamedTuple):
    """The counter's value when a poll at `at_s` first saw a step, which happened within the `within_s` before, since
    the previous poll."""

    at_s: float
    joules: float
    within_s: float


def next_tick(joules: Callable[[], float], stop: Event, clock_s: Callable[[], float]) -> Tick:
    """Wait for the counter's next step. stop: set to end the wait. Raises EnergyUnknown where there is none within
    STUCK_S, and as `joules` does."""
    began_s = asked_s = clock_s()
    seen = joules()
    while asked_s - began_s < STUCK_S and not stop.is_set():
        stop.wait(POLL_S)
        before_s, asked_s = asked_s, clock_s()
        now, now_s = joules(), clock_s()
        if now != seen:
            return Tick(now_s, now, now_s - before_s)
    raise EnergyUnknown(f"the energy counter did not move in {STUCK_S:g} s")
