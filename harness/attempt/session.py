"""A warm worker seen from its parent: it answers job after job, and is replaced when it dies, hangs or reports itself
lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from harness.errors import HarnessError
from harness.worker.device_worker import DeviceWorker
from harness.worker.launch import worker_environment
from harness.worker.messages import Hello, Started, TryJob, TryReply
from harness.worker.process import WorkerDied

LIMIT_S = 60.0
"""For each step of an attempt. The slowest compilation in a tuned kernel's space took 21 s."""
START_LIMIT_S = 120.0
"""For importing torch and opening the GPU, on a machine whose disk cache is cold."""
SILENCE = "did not finish within {:g} s (--limit)"


class Session:
    """`greeting()` starts a worker where none runs; `answer(job)` sends it a job. Leaving the context ends it."""

    def __init__(
        self, kernels_root: Path, limit_s: float = LIMIT_S, interpret: bool = False,
        say: Callable[[str], None] = lambda what: None, python: str = sys.executable,
    ) -> None:  # fmt: skip
        self.kernels_root, self.limit_s, self.interpret, self.say, self.python = (
            kernels_root, limit_s, interpret, say, python,
        )  # fmt: skip
        self.started = 0
        self._worker: DeviceWorker | None = None

    def greeting(self) -> Hello:
        """Return the worker's environment. Raises HarnessError where no worker can be started."""
        try:
            return self._running().hello(Path.cwd(), START_LIMIT_S)
        except (WorkerDied, HarnessError) as gone:
            self.end()
            raise HarnessError(f"the worker could not start: {gone}") from gone

    def answer(self, job: TryJob) -> TryReply:
        """Return the result of the job. A worker that dies or hangs fails the attempt; the next attempt gets a new
        worker."""
        self.greeting()
        what = "start"
        answered: TryReply | None = None
        try:
            for message in self._running().ask(job, Started | TryReply, self.limit_s):
                if isinstance(message, TryReply):
                    answered = message
                else:
                    what = message.what
                    self.say(what)
        except WorkerDied as gone:
            answered = TryReply(gone.measurement(job.case, f"{what}: "), lost=True)
        finally:
            if answered is None or answered.lost:
                self.end()
        assert answered is not None
        return answered

    def _running(self) -> DeviceWorker:
        if self._worker is None:
            self.say("start a process and open the device")
            environment = worker_environment() | ({"CUDA_VISIBLE_DEVICES": ""} if self.interpret else {})
            self._worker = DeviceWorker(
                kernels_root=str(self.kernels_root), python=self.python, environment=environment, own_session=True,
                interpret="without_gpu", silence=SILENCE,
            )  # fmt: skip
            self.started += 1
        return self._worker

    def end(self) -> None:
        """End the worker, even one that hangs."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
