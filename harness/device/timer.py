"""The seam behind which kernels are timed: a list of calls goes in, microseconds per call come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Call = Callable[[], Any]
Before = Callable[[], None] | None


class TimerUnavailable(Exception):
    """This device has no such timer; the text says what it needs."""


class WorkLeftRunning(Exception):
    """Calls that had returned, and ended on their stream, while the device went on; the text says for how long."""


class Timed(Protocol):
    """Calls made ready for timing."""

    calls: int
    """Calls between two clock readings."""

    @property
    def outputs(self) -> Sequence[Any]:
        """What each call returned in the last sample or replay, in order."""
        ...

    def sample_us(self, before: Before = None) -> float:
        """Runs all calls and returns microseconds per call. before: called ahead of every pass over the calls, outside
        of the timed interval. WorkLeftRunning where the device is not idle at the end."""
        ...

    def stretch_us(self, passes: int, before: Callable[[], None]) -> float:
        """Runs all calls `passes` times in one timed interval, each pass after `before`; microseconds in all. Asked
        of timers in `harness.values.suite.CLOCKS`."""
        ...

    def replay(self) -> Sequence[Any]:
        """Runs all calls once, as a sample does, and returns what each returned."""
        ...

    def repeat(self, times: int) -> None:
        """Runs all calls so often, the next pass launched before the one before it has ended; waits for the last."""
        ...


class Timer(Protocol):
    """A way to time calls."""

    name: str
    """Stored with every measurement."""
    rounds: int
    """Interleaved rounds per process that are worth taking."""
    samples_per_round: int
    calls: int
    """Calls, each on operands of its own, that one sample is made of."""
    flush_bytes: int
    """Bytes read before each sample so that caches hold nothing of the operands."""
    batch_limit_us: float
    """A sweep makes a sample of fewer calls where all of them would take longer."""

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        """Warms up, and captures where the timer does. warm: calls before a capture and replays after it. A call that
        cannot be captured raises torch's RuntimeError."""
        ...
