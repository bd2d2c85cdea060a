"""What a device offers: timers, graph capture, conditions, facts."""

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
        """Launches all calls once."""
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
    """Most memory allocated at once beyond what was allocated before; None where the device does not count it."""


class Device(Protocol):
    """One device in this process."""

    kind: str
    """`Environment.device_kind`."""
    tensors: str
    """Where operands live, as torch names it: `cuda`, `cpu`."""
    gpu: bool
    """Kernels run on a GPU: traces have rows of it, and each kernel is a binary that can be read."""
    captures: bool
    """`capture` makes graphs."""
    clock: str
    """Name of what `elapsed` reads, stored as the timer of decode cases."""
    l2_bytes: int
    """0 where no cache is flushed."""
    cache_bytes: int
    """All that may lie in a cache from one sample to the next, at most."""
    set_bytes_limit: int
    """Copies of one case's weights stay below this."""
    questions_held: int
    """Sweep questions whose inputs are kept in memory at once."""

    def facts(self) -> dict[str, Any]:
        """Fields of `Environment` that only the device knows."""
        ...

    def read_gb_s(self) -> float:
        """Measured read bandwidth in 1e9 bytes/s, measured once: of a buffer much larger than any cache, the best of
        several."""
        ...

    def vbios(self) -> str | None:
        """Version of the board's firmware; None where it has none, or does not tell."""
        ...

    def timer(self, kind: str | None = None) -> Timer:
        """The timer of that name, made once; None: the device's default. TimerUnavailable where it cannot run here."""
        ...

    def capture(self, calls: Sequence[Call], warm: Sequence[Call]) -> Graph:
        """`calls` as one graph, after `warm` was run. torch's RuntimeError for a call that cannot be captured."""
        ...

    def conditions(self, process: int, round_number: int) -> Conditions:
        """Clocks, temperature, power and throttle reasons now; None where the device does not tell."""
        ...

    def joules(self) -> float | None:
        """The energy counter now: of the whole device, since some time before; None where it has none."""
        ...

    def elapsed(self, run: Callable[[], Any]) -> Elapsed:
        """Runs it once."""
        ...

    def stopwatch(self) -> AbstractContextManager[Stopwatch]:
        """Reads the device's clock around the work inside, without waiting for what was launched before."""
        ...

    def recorded_by_tool(self) -> AbstractContextManager[None]:
        """An outside profiler that waits for the program's word records the work inside, and no other."""
        ...

    def neighbour(self) -> AbstractContextManager[Callable[[Call], Any]]:
        """Other work goes on beside: on another stream of a GPU, on another core of a CPU. Yields what makes a call
        meanwhile, waits for it and gives its result."""
        ...

    def settings(self) -> dict[str, Any]:
        """By name, what a program may set on the device that reaches beyond its own work."""
        ...

    def put_back(self, name: str, value: Any) -> None:
        """Gives one of `settings` a value again."""
        ...

    def synchronize(self) -> None:
        """Waits until all work is done."""
        ...

    def release_memory(self) -> None:
        """Gives cached memory back to the system."""
        ...

    def answers(self) -> bool:
        """False where an earlier error has taken the device from this process."""
        ...
