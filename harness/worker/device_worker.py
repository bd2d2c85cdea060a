"""Parent-side handle of a worker that touches the device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.worker.clock import ParentClock
from harness.worker.messages import Awake, Greet, Hello, WindowBegins, WindowEnds
from harness.worker.process import WorkerProcess


class DeviceWorker(WorkerProcess):
    """Starts importing at once, and touches no device before its first job."""

    def __init__(self, **options: Any) -> None:
        """options: of `WorkerProcess` and of `Boot`."""
        super().__init__("harness.serving.serve", **options)
        self._is_awake = False
        self._hello: Hello | None = None

    def wake(self, limit_s: float | None = None) -> None:
        """Wait until the slow imports are done; the worker then idles until its first job."""
        if not self._is_awake:
            self.hear(Awake, limit_s)
            self._is_awake = True

    def ask(self, job: object, kind: Any, limit_s: float | None = None) -> Iterator[Any]:
        self.wake(limit_s)
        clock = ParentClock(self.pid, getattr(job, "clocked", ()))
        for message in super().ask(job, kind | WindowBegins | WindowEnds, limit_s):
            if isinstance(message, WindowBegins | WindowEnds):
                self.send(clock.answer(message))
            else:
                yield clock.judged(message)

    def hello(self, folder: Path, limit_s: float | None = None, sniff: bool = False) -> Hello:
        """Return the worker's environment. The first call opens the device.

        folder: of the suite. sniff: also check how fast the machine is today.
        """
        if self._hello is None:
            [self._hello] = self.ask(Greet(str(folder), sniff=sniff), Hello, limit_s)
        assert self._hello is not None
        return self._hello

    @property
    def has_begun(self) -> bool:
        """Whether the worker holds the device."""
        return self._hello is not None
