"""Where tasks are done: processes of this machine, one per GPU, or the workers of a Dask cluster. One interface.

A task that kills or hangs its process takes nothing with it but itself: the next one gets a fresh process.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol

import msgspec

from harness.child import Child, ChildDied, finding_this_harness
from harness.lines import from_line, to_line
from harness.sweep.task import Outcome, Task

TASK_LIMIT_S = 120.0
"""A task takes this long at most: compiling one configuration takes up to 116 s where it is hopeless, and is then to
be given up, not waited for."""
START_LIMIT_S = 300.0
"""Until a process has imported torch and says where it is."""


class TaskDied(Exception):
    """The process ended before its task did, or was ended because it took too long. stopped: because the sweep was."""

    def __init__(self, reason: str, timed_out: bool = False, stopped: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.timed_out, self.stopped = reason, timed_out, stopped


class Devices(Protocol):
    """slots: tasks that are worked on at once. submit: to any device; on_one: to the first device only, where
    everything that is compared must run. Futures raise TaskDied."""

    slots: int

    def submit(self, task: Task) -> Future[Outcome]: ...

    def on_one(self, task: Task) -> Future[Outcome]: ...

    def close(self) -> None: ...


class LocalDevices:
    """gpus: what each process is shown as its only GPU (an index or a UUID); empty: one process with what there is."""

    lasts = True

    def __init__(self, gpus: Sequence[str] = ()) -> None:
        self._processes = [DeviceProcess(gpu) for gpu in (gpus or [""])]
        self._threads: list[Executor] = [ThreadPoolExecutor(max_workers=1) for _ in self._processes]
        self._load = [0 for _ in self._processes]
        self._lock = threading.Lock()
        self.slots = len(self._processes)

    def submit(self, task: Task) -> Future[Outcome]:
        return self._on(min(range(self.slots), key=lambda slot: self._load[slot]), task)

    def on_one(self, task: Task) -> Future[Outcome]:
        return self._on(0, task)

    def _on(self, slot: int, task: Task) -> Future[Outcome]:
        with self._lock:
            self._load[slot] += 1
        future = self._threads[slot].submit(self._processes[slot].perform, task)
        future.add_done_callback(lambda _: self._finished(slot))
        return future

    def _finished(self, slot: int) -> None:
        with self._lock:
            self._load[slot] -= 1

    def close(self) -> None:
        """Ends the processes, also one in the middle of a task."""
        for process in self._processes:
            process.kill()
        for threads in self._threads:
            threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> LocalDevices:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class DeviceProcess:
    """One process that does tasks one after the other; started with the first, and again after one that died."""

    def __init__(self, gpu: str = "") -> None:
        self._gpu = gpu
        self._child: Child | None = None
        self._closed = False

    def perform(self, task: Task) -> Outcome:
        if self._child is None:
            self._child = self._start()
            self._ask(self._child, msgspec.structs.replace(task, entrants=()), START_LIMIT_S)
        return self._ask(self._child, task, TASK_LIMIT_S * max(1, len(task.entrants)))

    def _ask(self, child: Child, task: Task, limit_s: float) -> Outcome:
        try:
            child.send(to_line(task))
            outcome: Outcome = from_line(child.line(limit_s, f"took longer than {limit_s:.0f} s"), Outcome)
            return outcome
        except ChildDied as death:
            self.kill(for_good=False)
            raise TaskDied(death.reason, death.timed_out, stopped=self._closed and not death.timed_out) from None

    def _start(self) -> Child:
        if self._closed:
            raise TaskDied("the sweep was stopped", stopped=True)
        environment = finding_this_harness()
        environment.pop("TRITON_INTERPRET", None)  # what is interpreted is never timed
        if self._gpu:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpu
        return Child([sys.executable, "-m", "harness.sweep.task"], env=environment, own_session=True)

    def kill(self, for_good: bool = True) -> None:
        self._closed = self._closed or for_good
        child, self._child = self._child, None
        if child is not None:
            child.kill()
