"""A child process that is given lines and answers in lines: started, listened to, ended."""

from __future__ import annotations

import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class ChildDied(Exception):
    """It ended before it answered, or was too slow; `reason` says how, with the last line that it printed."""

    def __init__(self, reason: str, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.timed_out = reason, timed_out


def finding_this_harness() -> dict[str, str]:
    """The environment in which another process finds this harness, and nothing else of where it lies: from a checkout
    nobody installed. An installed one is found by the interpreter that it was installed for."""
    home = Path(__file__).resolve().parent.parent
    if home.name in ("site-packages", "dist-packages"):
        return dict(os.environ)
    inherited = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{home}{os.pathsep}{inherited}" if inherited else str(home)}


class Child:
    """own_session: Ctrl-C reaches the parent alone, which then ends the child."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None,
        own_session: bool = False,
    ) -> None:  # fmt: skip
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, env=env, cwd=cwd,
            start_new_session=own_session,
        )  # fmt: skip
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed while it was read, by whoever killed the process
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildDied(self._epitaph()) from None

    def line(self, limit_s: float | None = None, silence: str = "") -> bytes:
        """Its next line. Raises ChildDied, also where none comes in time: then `silence` is the reason."""
        try:
            line = self._lines.get(timeout=limit_s)
        except queue.Empty:
            raise ChildDied(silence, timed_out=True) from None
        if line is None:
            self._lines.put(None)  # for whoever asks once more
            raise ChildDied(self._epitaph())
        return line

    def wait(self) -> None:
        self._process.wait()

    def end_input(self) -> None:
        """It is told that nothing more will be sent."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _epitaph(self) -> str:
        code = self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        lines = [line.strip() for line in self.stderr().splitlines() if line.strip()]
        return f"its process {how}" + (f": {lines[-1]}" if lines else "")

    def stderr(self) -> str:
        """All that it printed so far, which is not for the parent to read as an answer."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def kill(self) -> None:
        """Ends it where it still runs. What it printed can be read until `close`."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was still to be sent has no reader any more
                    pipe.close()

    def close(self) -> None:
        self.kill()
        self._stderr.close()
