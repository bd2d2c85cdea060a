"""A warm worker seen from its parent: asked again and again, replaced when it died, hung or became unsure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from harness.attempt.messages import Answered, FromTryWorker, Greeting, TryJob, Working
from harness.child import Child, ChildDied, finding_this_harness
from harness.errors import HarnessError
from harness.lines import from_line, to_line
from harness.values.measurement import Measurement, Status

LIMIT_S = 60.0
"""For each step of an attempt. The slowest compilation of a tuned kernel's space took 21 s."""
START_LIMIT_S = 120.0
"""For importing torch and opening the GPU, on a machine whose disk cache is cold."""


class Session:
    """greeting() starts a worker where none runs; answer(job) asks it. Leaving the context ends it."""

    def __init__(
        self, kernels_root: Path, limit_s: float = LIMIT_S, interpret: bool = False,
        say: Callable[[str], None] = lambda what: None, python: str = sys.executable,
    ) -> None:  # fmt: skip
        self.kernels_root, self.limit_s, self.interpret, self.say, self.python = (
            kernels_root, limit_s, interpret, say, python,
        )  # fmt: skip
        self.started = 0
        self._worker: Child | None = None
        self._greeting: Greeting | None = None

    def greeting(self) -> Greeting:
        """Where the worker runs; HarnessError where none can be started."""
        if self._worker is None or self._greeting is None:
            self.say("start a process and open the device")
            self._worker = Child(self._command(), env=self._environment(), own_session=True)
            self.started += 1
            try:
                message = self._message(START_LIMIT_S)
            except ChildDied as gone:
                self.end()
                raise HarnessError(f"the worker could not start: {gone.reason}") from gone
            assert isinstance(message, Greeting)
            self._greeting = message
        return self._greeting

    def answer(self, job: TryJob) -> Answered:
        """What came of the job. A worker that dies or hangs is the attempt's failure; the next one gets a new one."""
        self.greeting()
        assert self._worker is not None
        what = "start"
        try:
            self._worker.send(to_line(job))
            while not isinstance(message := self._message(self.limit_s), Answered):
                if isinstance(message, Working):
                    what = message.what
                    self.say(what)
        except ChildDied as gone:
            self.end()
            status = Status.TIMEOUT if gone.timed_out else Status.FAILED
            return Answered(Measurement(job.case, status, f"{what}: {gone.reason}"), lost=True)
        except BaseException:
            self.end()
            raise
        if message.lost:
            self.end()
        return message

    def _message(self, limit_s: float) -> FromTryWorker:
        assert self._worker is not None
        message: FromTryWorker = from_line(
            self._worker.line(limit_s, f"no end after {limit_s:g} s (--limit)"), FromTryWorker
        )
        return message

    def end(self) -> None:
        """Ends the worker, also one that hangs."""
        if self._worker is not None:
            self._worker.close()
        self._worker = self._greeting = None

    def _command(self) -> list[str]:
        return [self.python, "-m", "harness.attempt.worker", str(self.kernels_root)]

    def _environment(self) -> dict[str, str]:
        return finding_this_harness() | ({"CUDA_VISIBLE_DEVICES": ""} if self.interpret else {})

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
