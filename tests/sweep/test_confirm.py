"""The fresh processes that confirm a choice, beside others that hold the device's memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import msgspec

from harness.suite.load import load_suite
from harness.sweep.confirm import FreshProcesses
from harness.sweep.stage_clock import START, StageClock
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Status
from harness.worker.messages import Outcome, Task
from tests.conftest import REPOSITORY
from tests.sweep.made import case

SUITE = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
HERE = Environment("cpu", "a processor", "3.12", "2.11", "a processor", 1, "Linux")


class Memory:
    """Of a device: each process keeps what it once took until it gives it back."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, dict[int, int]()

    def take(self, owner: int, amount: int) -> bool:
        if sum(self.taken.values()) - self.taken.get(owner, 0) + amount > self.size:
            return False
        self.taken[owner] = amount
        return True


class Process:
    """Does tasks as a device process does, in a memory that may be full."""

    lasts = True
    slots = 1

    def __init__(self, number: int, memory: Memory, amount: int) -> None:
        self.number, self.memory, self.amount = number, memory, amount

    def on_one(self, task: Task) -> Future[Outcome]:
        done: Future[Outcome] = Future()
        if task.release:
            self.memory.taken.pop(self.number, None)
        done.set_result(Outcome(HERE, self._measured(task)))
        return done

    def submit(self, task: Task) -> Future[Outcome]:
        return self.on_one(task)

    def _measured(self, task: Task) -> tuple[Measurement, ...]:
        if not task.entrants:
            return ()
        if not self.memory.take(self.number, self.amount):
            reason = "OutOfMemoryError: CUDA out of memory. Tried to allocate 256.00 MiB."
            return tuple(Measurement(e.case, Status.FAILED, reason, out_of_memory=True) for e in task.entrants)
        samples = (Sample(1.0, self.number, 0),)
        return tuple(Measurement(e.case, Status.OK, samples=samples) for e in task.entrants)

    def close(self) -> None:
        self.memory.taken.pop(self.number, None)


def confirmed(processes: Sequence[Process], beside: Process | None) -> Measurement:
    wanted = case(b=1)
    return FreshProcesses(SUITE, processes, beside).measure([wanted], 3, lambda _: None)[wanted.id]


def test_memory_that_others_hold_is_given_back() -> None:
    """Four processes and the one that searched want 16 of 79 each: the fourth has none left until others let go."""
    memory = Memory(79)
    searched = Process(0, memory, 16)
    assert memory.take(0, 16)
    found = confirmed([Process(number, memory, 16) for number in range(1, 5)], searched)
    assert found.status is Status.OK and [s.process for s in found.samples] == [1, 2, 3, 4]


def test_what_never_fits_is_said() -> None:
    found = confirmed([Process(1, Memory(10), 16)], None)
    assert found.status is Status.FAILED and found.out_of_memory and "256.00 MiB" in found.reason


def test_a_stage_that_comes_again_is_counted_on() -> None:
    clock = StageClock()
    for stage in ("finals", "confirm", "finals"):
        clock.enter(stage)
    seconds = clock.end()
    assert list(seconds) == [START, "finals", "confirm"] and all(value >= 0 for value in seconds.values())
    assert msgspec.json.decode(msgspec.json.encode(seconds)) == seconds
