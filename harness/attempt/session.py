"""A warm worker seen from its parent: asked again and again, replaced when it died, hung or became unsure."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.attempt.messages import Answered, Greeting, TryJob, Working, from_line, to_line
from harness.errors import HarnessError
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
        self._worker: _Worker | None = None
        self._greeting: Greeting | None = None

    def greeting(self) -> Greeting:
        """Where the worker runs; HarnessError where none can be started."""
        if self._worker is None or self._greeting is None:
            self.say("start a process and open the device")
            self._worker = _Worker(self._command(), self._environment())
            self.started += 1
            try:
                message = from_line(self._worker.line(START_LIMIT_S))
            except _Gone as gone:
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
            while not isinstance(message := from_line(self._worker.line(self.limit_s)), Answered):
                if isinstance(message, Working):
                    what = message.what
                    self.say(what)
        except _Gone as gone:
            self.end()
            status = Status.TIMEOUT if gone.timed_out else Status.FAILED
            return Answered(Measurement(job.case, status, f"{what}: {gone.reason}"), lost=True)
        except BaseException:
            self.end()
            raise
        if message.lost:
            self.end()
        return message

    def end(self) -> None:
        """Ends the worker, also one that hangs."""
        if self._worker is not None:
            self._worker.kill()
        self._worker = self._greeting = None

    def _command(self) -> list[str]:
        return [self.python, "-m", "harness.attempt.worker", str(self.kernels_root)]

    def _environment(self) -> dict[str, str]:
        import harness

        package = str(Path(harness.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if self.interpret else {}
        return {**os.environ, "PYTHONPATH": path, **hidden}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class _Gone(Exception):
    def __init__(self, reason: str, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.timed_out = reason, timed_out


class _Worker:
    """In a session of its own, so that Ctrl-C reaches the parent alone, which then ends it."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=environment,
            start_new_session=True,
        )  # fmt: skip
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise _Gone(self._epitaph()) from None

    def line(self, limit_s: float) -> bytes:
        try:
            line = self._lines.get(timeout=limit_s)
        except queue.Empty:
            raise _Gone(f"no end after {limit_s:g} s (--limit)", timed_out=True) from None
        if line is None:
            raise _Gone(self._epitaph())
        return line

    def _epitaph(self) -> str:
        code = self._process.wait()
        how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode(errors="replace").splitlines() if line.strip()]
        return f"its process ended with {how}" + (f": {lines[-1]}" if lines else "")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was still to be sent has no reader any more
                    pipe.close()
        self._said.close()
