"""The interface that times kernels: a list of calls goes in, microseconds per call come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Call = Callable[[], Any]
Before = Callable[[], None] | None


class TimerUnavailable(Exception):
    """This device has no such timer; the text names its needs."""


class WorkLeftRunning(Exception):
    """Calls returned and ended on their stream while the device went on; the text says for how long."""


class Timed(Protocol):
    """Calls made ready for timing."""

    calls: int
    """Calls between two clock readings."""

    @property
    def outputs(self) -> Sequence[Any]:
        """The output of each call in the last sample or replay, in order."""
        ...

    def sample_us(self, before: Before = None) -> float:
        """Run all calls and return microseconds per call.

        `before`: called ahead of every pass over the calls, outside of the timed interval. Raises WorkLeftRunning where
        the device is not idle at the end.
        """
        ...

    def stretch_us(self, passes: int, before: Callable[[], None]) -> float:
        """Run all calls `passes` times in one timed interval, each pass after `before`; return microseconds in all.

        Only timers in `harness.values.suite.CLOCKS` need it.
        """
        ...

    def replay(self) -> Sequence[Any]:
        """Run all calls once, as a sample does, and return the output of each."""
        ...

    def repeat(self, times: int) -> None:
        """Run all calls `times` times, each pass launched before the previous one has ended; wait for the last."""
        ...


class Timer(Protocol):
    """A way to time calls."""

    name: str
    """Stored with every measurement."""
    rounds: int
    """Interleaved rounds per process that are worth taking."""
    samples_per_round: int
    calls: int
    """Calls in one sample, each on operands of its own."""
    flush_bytes: int
    """Bytes read before each sample so that caches hold nothing of the operands."""
    batch_limit_us: float
    """A sweep puts fewer calls into a sample where all of them would take longer."""

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        """Warm up, and capture where the timer does. `warm`: calls before a capture and replays after it.

        A call that cannot be captured raises torch's RuntimeError.
        """
        ...
