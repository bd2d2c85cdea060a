"""The places that run tasks: processes of this machine, one per GPU, or the workers of a Dask cluster. One interface.

A task that kills or hangs its process loses only itself: the next one gets a fresh process.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from typing import Protocol

import msgspec

from harness.errors import HarnessError
from harness.worker.device_worker import DeviceWorker
from harness.worker.launch import Ahead, worker_environment
from harness.worker.messages import Outcome, Task
from harness.worker.process import WorkerDied

TASK_LIMIT_S = 120.0
"""Longest time of a task. Compiling one hopeless configuration takes up to 116 s, and is then abandoned."""
START_LIMIT_S = 300.0
"""Limit for a process to import torch and report its environment."""


def outcome_of(future: Future[Outcome]) -> Outcome:
    """Wait for the outcome and return it. Raises WorkerDied, also where Dask reports that a task killed its workers."""
    while not future.done():
        wait([future], timeout=1.0)  # short waits: Ctrl-C must reach the main thread
    try:
        return future.result()
    except WorkerDied:
        raise
    except CancelledError:
        raise WorkerDied("the sweep was stopped", stopped=True) from None
    except Exception as error:
        raise WorkerDied(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}") from error


class Devices(Protocol):
    """Places that run tasks. `outcome_of` reads the futures.

    slots: number of tasks that run at once. submit: to any device. on_one: to the first device only, where everything
    that is compared must run.
    """

    slots: int

    def submit(self, task: Task) -> Future[Outcome]: ...

    def on_one(self, task: Task) -> Future[Outcome]: ...

    def close(self) -> None: ...


class LocalDevices:
    """Processes of this machine.

    gpus: the only GPU that each process sees (an index or a UUID); empty: one process with everything there is.
    """

    lasts = True

    def __init__(self, gpus: Sequence[str] = (), ahead: Ahead | None = None) -> None:
        """ahead: the process of a machine with one GPU or none, if it was launched already."""
        self._processes = [DeviceProcess(gpu) for gpu in gpus] or [DeviceProcess(ahead=ahead)]
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
        """End the processes, even one in the middle of a task."""
        for process in self._processes:
            process.kill()
        for threads in self._threads:
            threads.shutdown(wait=True, cancel_futures=True)


class DeviceProcess:
    """One process that runs tasks one after the other. It starts with the first task, and again after a death."""

    def __init__(self, gpu: str = "", ahead: Ahead | None = None) -> None:
        self._gpu, self._ahead = gpu, ahead
        self._worker: DeviceWorker | None = None
        self._closed = False

    def perform(self, task: Task) -> Outcome:
        """Run a task. Raises WorkerDied; the next task then gets a fresh process."""
        try:
            if self._worker is None:
                self._worker = self._start()
                self._ask(msgspec.structs.replace(task, entrants=()), START_LIMIT_S)
            return self._ask(task, TASK_LIMIT_S * max(1, len(task.entrants)))
        except (WorkerDied, HarnessError) as error:
            self.kill(for_good=False)
            timed_out = isinstance(error, WorkerDied) and error.timed_out
            raise WorkerDied(str(error), timed_out, stopped=self._closed and not timed_out) from None

    def _ask(self, task: Task, limit_s: float) -> Outcome:
        assert self._worker is not None
        [outcome] = self._worker.ask(task, Outcome, limit_s)
        assert isinstance(outcome, Outcome)
        return outcome

    def _start(self) -> DeviceWorker:
        if self._closed:
            raise WorkerDied("the sweep was stopped", stopped=True)
        shown = {"CUDA_VISIBLE_DEVICES": self._gpu} if self._gpu else {}
        environment, silence = worker_environment() | shown, "took longer than {:.0f} s"
        launched = self._ahead.take() if self._ahead else None
        return DeviceWorker(launched=launched, environment=environment, own_session=True, silence=silence)

    def kill(self, for_good: bool = True) -> None:
        self._closed = self._closed or for_good
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
