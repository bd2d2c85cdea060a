"""The interface of a device: timers, graph capture, conditions, facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from harness.device.timer import Call, Timer
from harness.values.measurement import Conditions


class Graph(Protocol):
    """Captured calls."""

    outputs: Any
    """Result of the last call; a replay overwrites it."""
    held_bytes: int
    """Memory that the graph holds beyond its operands."""

    def replay(self) -> None:
        """Launch all calls once."""
        ...


@dataclass
class Stopwatch:
    """Time between the first and the last work that was launched while it ran; 0 until then."""

    us: float = 0.0


@dataclass(frozen=True)
class Elapsed:
    """Time of a stretch of work, host time between launches included."""

    us: float
    extra_bytes: int | None
    """Peak memory allocated beyond the memory allocated before; None where the device does not count it."""


class Device(Protocol):
    """One device in this process."""

    kind: str
    """`Environment.device_kind`."""
    tensors: str
    """Device of operands by torch's name: `cuda`, `cpu`."""
    gpu: bool
    """Whether kernels run on a GPU: traces have rows of it, and each kernel is a binary that can be read."""
    captures: bool
    """Whether `capture` makes graphs."""
    clock: str
    """Name of the clock that `elapsed` reads, stored as the timer of decode cases."""
    l2_bytes: int
    """0 where no cache is flushed."""
    cache_bytes: int
    """Upper bound of the bytes that may stay in a cache from one sample to the next."""
    set_bytes_limit: int
    """Upper bound of the bytes in copies of one case's weights."""
    questions_held: int
    """Sweep questions whose inputs are kept in memory at once."""

    def facts(self) -> dict[str, Any]:
        """Fields of `Environment` that only the device knows."""
        ...

    def read_gb_s(self) -> float:
        """Read bandwidth in 1e9 bytes/s, measured once: the best of several reads of a buffer much larger than any
        cache.
        """
        ...

    def vbios(self) -> str | None:
        """Version of the board's firmware; None where it has none or does not tell."""
        ...

    def timer(self, kind: str | None = None) -> Timer:
        """The timer of that name, made once; None: the device's default. Raises TimerUnavailable where it cannot run
        here.
        """
        ...

    def capture(self, calls: Sequence[Call], warm: Sequence[Call]) -> Graph:
        """Capture `calls` as one graph, after a run of `warm`. Raises torch's RuntimeError for a call that cannot be
        captured.
        """
        ...

    def conditions(self, process: int, round_number: int) -> Conditions:
        """Clocks, temperature, power and throttle reasons now; None where the device does not tell."""
        ...

    def joules(self) -> float | None:
        """The energy counter now: energy of the whole device since some earlier time; None where it has none."""
        ...

    def elapsed(self, run: Callable[[], Any]) -> Elapsed:
        """Run it once and return its time."""
        ...

    def stopwatch(self) -> AbstractContextManager[Stopwatch]:
        """Read the device's clock around the work inside, without waiting for work launched before."""
        ...

    def recorded_by_tool(self) -> AbstractContextManager[None]:
        """Make an outside profiler that waits for the program's signal record the work inside, and no other."""
        ...

    def neighbour(self) -> AbstractContextManager[Callable[[Call], Any]]:
        """Keep other work running in parallel: on another stream of a GPU, on another core of a CPU.

        Yields a function that makes a call meanwhile, waits for it and returns its result.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """By name, the device settings that a program may change and that affect more than its own work."""
        ...

    def put_back(self, name: str, value: Any) -> None:
        """Restore the value of one of `settings`."""
        ...

    def synchronize(self) -> None:
        """Wait until all work is done."""
        ...

    def release_memory(self) -> None:
        """Return cached memory to the system."""
        ...

    def answers(self) -> bool:
        """False where an earlier error has made the device unusable for this process."""
        ...
