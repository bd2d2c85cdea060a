"""One worker process seen from its parent: started, listened to, ended."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import harness
from harness.runner.messages import Done, FromWorker, Hello, Job, from_line, to_line

SILENCE_LIMIT_S = 600.0
"""A worker that says nothing for this long hangs. Compiling or a float32 reference may take minutes, not ten."""


class WorkerDied(Exception):
    """The worker ended before its job did; `reason` says how, with the last line that it printed."""

    def __init__(self, reason: str, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


def own_import_path(python: str) -> dict[str, str]:
    """The environment in which another process finds this harness, and nothing else of where it lies: from a checkout
    nobody installed. An installed one is found by the interpreter that it was installed for."""
    home = Path(harness.__file__).resolve().parent.parent
    if home.name in ("site-packages", "dist-packages"):
        return dict(os.environ)
    inherited = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{home}{os.pathsep}{inherited}" if inherited else str(home)}


class WorkerProcess:
    """`hello` is waited for, then `work(job)` yields what the worker says until it is done."""

    def __init__(
        self, suite_folder: Path, kernels_root: Path, python: str = sys.executable, tree: Path | None = None
    ) -> None:
        """tree: the checkout that everything but the harness must come from, in place of the current folder."""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        command = [python, *(["-P"] if tree else []), "-m", "harness.runner.worker"]
        command += [str(suite_folder), str(kernels_root), *([str(tree)] if tree else [])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, cwd=tree,
            env=own_import_path(python) if tree else None,
        )  # fmt: skip
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _next(self) -> FromWorker:
        try:
            line = self._lines.get(timeout=SILENCE_LIMIT_S)
        except queue.Empty:
            self.kill()
            raise WorkerDied(f"said nothing for {SILENCE_LIMIT_S:.0f} s", timed_out=True) from None
        if line is None:
            raise WorkerDied(self._epitaph())
        return from_line(line)

    def hello(self) -> Hello:
        message = self._next()
        assert isinstance(message, Hello)
        return message

    def work(self, job: Job) -> Iterator[FromWorker]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(to_line(job))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerDied(self._epitaph()) from None
        while not isinstance(message := self._next(), Done):
            yield message
        self._process.wait()

    def _epitaph(self) -> str:
        code = self._process.wait()
        how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
        lines = [line.strip() for line in self.stderr().splitlines() if line.strip()]
        return f"its process ended with {how}" + (f": {lines[-1]}" if lines else "")

    def stderr(self) -> str:
        """All that the worker printed so far."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()
        self._stderr.close()
