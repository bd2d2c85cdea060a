"""The parent's handle of a worker process: start, ask, hear, kill after a limit. It turns a death into a status."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from harness.errors import ExitStatus, HarnessError
from harness.values.case import Case
from harness.values.measurement import Measurement, Status
from harness.worker.launch import Launched
from harness.worker.messages import Boot, Done, Refused

END_S = 5.0
"""A worker that has no more jobs ends within this time, or is killed."""

SILENCE = "did not reply for {:.0f} s"


class WorkerDied(Exception):
    """The worker exited, or was killed because it exceeded its limit. stopped: because its user stopped it."""

    def __init__(self, reason: str, timed_out: bool = False, stopped: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.timed_out, self.stopped = reason, timed_out, stopped

    @property
    def status(self) -> Status:
        return Status.TIMEOUT if self.timed_out else Status.FAILED

    def measurement(self, case: Case, during: str = "") -> Measurement:
        """The row of a case that was lost with the worker. during: its activity, put before the reason."""
        return Measurement(case, self.status, f"{during}{self.reason}")


class WorkerProcess:
    """A worker from start to end. Leaving its `with` block kills it."""

    def __init__(
        self, service: str, *, tree: Path | None = None, python: str = sys.executable, own_session: bool = False,
        environment: Mapping[str, str] | None = None, silence: str = SILENCE, launched: Launched | None = None,
        **boot: Any,
    ) -> None:  # fmt: skip
        """See `Launched` for own_session and environment, `Boot` for boot. service: module whose `serve(wire, boot)`
        runs the jobs. tree: working folder, where its packages are looked up first. Left out: the current folder.
        silence: the reason that is given where it exceeds a limit. launched: a waiting process to boot."""
        self._silence = silence
        self._launched = launched or Launched(tree, python, own_session, environment)
        self._wire, self._process = self._launched.wire, self._launched.process
        with suppress(WorkerDied):  # whoever hears it first learns why
            self.send(Boot(service, str(tree or Path.cwd()), **boot))

    def send(self, message: object) -> None:
        """Send a job. Raises WorkerDied where the worker has exited."""
        try:
            self._wire.send(message)
        except OSError:
            raise WorkerDied(self._exit_reason()) from None

    def hear(self, kind: Any, limit_s: float | None = None) -> Any:
        """Return the next message, of a tagged type or a union of them. Raises WorkerDied, also where none comes within
        the limit, and HarnessError where the worker refuses its input."""
        try:
            if not self._wire.poll(limit_s):
                raise WorkerDied(self._silence.format(limit_s), timed_out=True)
            message = self._wire.receive(kind | Refused)
        except (EOFError, OSError):
            raise WorkerDied(self._exit_reason()) from None
        if isinstance(message, Refused):
            error = HarnessError(message.problem)
            error.exit_status = ExitStatus(message.status)
            raise error
        return message

    def ask(self, job: object, kind: Any, limit_s: float | None = None) -> Iterator[Any]:
        """Send a job and yield its messages until it is done. limit_s: for each message. Raises as `hear` does."""
        self.send(job)
        while not isinstance(message := self.hear(kind | Done, limit_s), Done):
            yield message

    def finish(self) -> None:
        """Let the worker end by itself, since there are no more jobs."""
        self._wire.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _exit_reason(self) -> str:
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:  # it closed the wire and runs on
            self._process.kill()
            code = self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        lines = [line.strip() for line in self.stderr().splitlines() if line.strip()]
        return f"its process {how}" + (f": {lines[-1]}" if lines else "")

    def stderr(self) -> str:
        """Everything that it printed so far, to either stream."""
        self._launched.stderr.seek(0)
        return self._launched.stderr.read().decode(errors="replace")

    def kill(self) -> None:
        """Kill the process if it still runs. Its output stays readable until `close`."""
        self._launched.kill()

    def close(self) -> None:
        self._launched.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
