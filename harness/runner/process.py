"""One worker process seen from its parent: started, sent to the device, listened to, ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.child import Child, finding_this_harness
from harness.lines import from_line, to_line
from harness.runner.messages import Awake, Done, FromWorker, Hello, Job

SILENCE_LIMIT_S = 600.0
"""A worker that says nothing for this long hangs. Compiling or a float32 reference may take minutes, not ten."""


class WorkerProcess:
    """It begins to import at once, and touches no device before `hello`; then `work(job)` yields what the worker says
    until it is done."""

    def __init__(
        self, suite_folder: Path, kernels_root: Path, python: str = sys.executable, tree: Path | None = None,
        verify_only: bool = False,
    ) -> None:  # fmt: skip
        """tree: the checkout that everything but the harness must come from, in place of the current folder.
        verify_only: Triton's interpreter may run the kernels, if the caller's TRITON_INTERPRET says so."""
        command = [python, *(["-P"] if tree else []), "-m", "harness.runner.worker"]
        command += [str(suite_folder), str(kernels_root), *([str(tree)] if tree else [])]
        environment = finding_this_harness() if tree else dict(os.environ)
        if not verify_only:
            environment.pop("TRITON_INTERPRET", None)  # what is interpreted is never timed
        self._child = Child(command, cwd=tree, env=environment)
        self._is_awake = False
        self._hello: Hello | None = None

    def _next(self) -> FromWorker:
        line = self._child.line(SILENCE_LIMIT_S, f"said nothing for {SILENCE_LIMIT_S:.0f} s")
        message: FromWorker = from_line(line, FromWorker)
        return message

    def wake(self) -> None:
        """Waits until it has imported all that takes long; from then on it does nothing."""
        if not self._is_awake:
            message = self._next()
            assert isinstance(message, Awake)
            self._is_awake = True

    def hello(self) -> Hello:
        """Where it runs; asked for the first time, it begins to use the device."""
        if self._hello is None:
            self.wake()
            self._child.send(b"\n")
            message = self._next()
            assert isinstance(message, Hello)
            self._hello = message
        return self._hello

    def dismiss(self) -> None:
        """Lets one that waits end without work."""
        self._child.end_input()
        self._child.wait()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def has_begun(self) -> bool:
        """Whether it holds the device."""
        return self._hello is not None

    def work(self, job: Job) -> Iterator[FromWorker]:
        self._child.send(to_line(job))
        while not isinstance(message := self._next(), Done):
            yield message
        self._child.wait()

    def stderr(self) -> str:
        """All that the worker printed so far."""
        return self._child.stderr()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._child.close()
