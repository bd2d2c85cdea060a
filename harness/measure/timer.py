"""The seam behind which a device is timed: a list of calls goes in, microseconds per call come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Call = Callable[[], Any]


class Timed(Protocol):
    """Calls made ready for timing. `outputs` is what the last of them returned, for a check after the fact."""

    calls: int
    outputs: Any

    def sample_us(self) -> float:
        """Runs all calls once and returns microseconds per call."""
        ...


class Timer(Protocol):
    """name: stored with every measurement. rounds and samples_per_round: how much is worth taking on this device."""

    name: str
    rounds: int
    samples_per_round: int

    def prepare(self, calls: Sequence[Call]) -> Timed: ...


class FakeTimer:
    """A timer with a scripted clock, for tests: every sample is the next of `values_us`; each call is made once."""

    name = "fake"

    def __init__(self, values_us: Sequence[float], rounds: int = 2, samples_per_round: int = 1) -> None:
        self.values_us = list(values_us)
        self.rounds = rounds
        self.samples_per_round = samples_per_round
        self.prepared = 0

    def prepare(self, calls: Sequence[Call]) -> Timed:
        self.prepared += 1
        return _FakeTimed(self, [call() for call in calls])


class _FakeTimed:
    def __init__(self, timer: FakeTimer, results: list[Any]) -> None:
        self._timer = timer
        self.calls = len(results)
        self.outputs = results[-1]

    def sample_us(self) -> float:
        return self._timer.values_us.pop(0)
