"""A device with a scripted clock, for tests: kernels run on the CPU, and every time is the next of a list.

It captures: a replay makes the calls again, so engines and timers that need graphs run without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from harness.device.cpu import CpuDevice
from harness.device.device import Elapsed, Graph, Stopwatch
from harness.device.timer import Before, Call, Timed, Timer
from harness.values.measurement import Conditions


class FakeTimer:
    """Makes each call once when it is prepared.

    Every sample on new operands is the next of `values_us`, a list that is used up. A sample on the operands of the one
    before takes as long as that one.
    """

    name = "fake"
    flush_bytes = 0
    batch_limit_us = float("inf")

    def __init__(self, values_us: list[float], rounds: int = 2, samples_per_round: int = 1, calls: int = 2) -> None:
        self.values_us = values_us
        self.rounds, self.samples_per_round, self.calls = rounds, samples_per_round, calls
        self.prepared = 0

    def prepare(self, calls: Sequence[Call], warm: int = 2) -> Timed:
        self.prepared += 1
        return _FakeTimed(self, calls)


class _FakeTimed:
    def __init__(self, timer: FakeTimer, calls: Sequence[Call]) -> None:
        self._timer, self._calls = timer, calls
        self.calls = len(calls)
        self._last_us = 0.0
        self.outputs = self.replay()

    def sample_us(self, before: Before = None) -> float:
        if before is not None:
            before()
            self.replay()
            self._last_us = self._timer.values_us.pop(0)
        return self._last_us

    def stretch_us(self, passes: int, before: Callable[[], None]) -> float:
        return sum(self.sample_us(before) for _ in range(passes)) * self.calls

    def replay(self) -> Sequence[Any]:
        self.outputs = [call() for call in self._calls]
        return self.outputs

    def repeat(self, times: int) -> None:
        for _ in range(times):
            self.replay()


class FakeGraph:
    """Makes the calls again at every replay."""

    held_bytes = 0

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = list(calls)
        self.outputs: Any = None
        self.replay()

    def replay(self) -> None:
        for call in self._calls:
            self.outputs = call()


class FakeDevice(CpuDevice):
    """A CPU with another clock.

    `values_us`: samples of the timer and times of `elapsed`, in the order in which they are taken; taking one more is
    an IndexError. `joules`: its energy counter; None: it has none. `conditions`: fields of `Conditions` in every
    reading.
    """

    kind = "fake"
    captures = True
    clock = "fake"
    l2_bytes = cache_bytes = 0
    set_bytes_limit = 1 << 20

    def __init__(
        self, values_us: Sequence[float] = (), rounds: int = 2, joules: Callable[[], float] | None = None,
        **conditions: Any,
    ) -> None:  # fmt: skip
        self.values_us = list(values_us)
        self.fake_timer = FakeTimer(self.values_us, rounds)
        self._joules, self._conditions = joules, conditions

    def facts(self) -> dict[str, Any]:
        return {"device_name": "fake"}

    def read_gb_s(self) -> float:
        return 100.0

    def timer(self, kind: str | None = None) -> Timer:
        return self.fake_timer

    def capture(self, calls: Sequence[Call], warm: Sequence[Call]) -> Graph:
        for call in warm:
            call()
        return FakeGraph(calls)

    def conditions(self, process: int, round_number: int) -> Conditions:
        return Conditions(process=process, round=round_number, **self._conditions)

    def joules(self) -> float | None:
        return self._joules() if self._joules else None

    def elapsed(self, run: Callable[[], Any]) -> Elapsed:
        with self.stopwatch() as watch:
            run()
        return Elapsed(watch.us, 0)

    @contextmanager
    def stopwatch(self) -> Iterator[Stopwatch]:
        watch = Stopwatch()
        yield watch
        watch.us = self.values_us.pop(0)

    def neighbour(self) -> AbstractContextManager[Callable[[Call], Any]]:
        return nullcontext(lambda call: call())
