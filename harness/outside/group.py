"""A program in a process group of its own, which ends with it, at its time limit, or with this process."""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from harness.errors import CaseFailed
from harness.secrets import withheld

MOST_PRINTED_BYTES = 256 << 20
"""A program that prints more is not printing figures."""
LOOK_S = 1.0
"""Seconds between two checks of the output so far, while the program runs."""
END_S = 5.0
"""Seconds between SIGTERM and SIGKILL."""
LAST = 300
"""Characters of a last line in a reason."""


class Guard:
    """The process that ends all groups where this one is killed. Started with the first group, once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the guard before the processes that it is to end: later may be too late."""
        if self._process is None:
            file = str(Path(__file__).with_name("guard.py"))
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", file], stdin=subprocess.PIPE, start_new_session=True
            )

    def tell(self, sign: str, group: int) -> None:
        assert self._process is not None and self._process.stdin is not None
        with suppress(OSError):  # somebody killed it: then groups end with their programs alone
            self._process.stdin.write(f"{sign}{group}\n".encode())
            self._process.stdin.flush()


GUARD = Guard()


class Group:
    """A running program and all that it starts. Everything in its group is ended with the `with` block."""

    def __init__(self, words: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        """words: the program and its arguments; one with a slash is relative to the folder. Raises CaseFailed where it
        cannot be started."""
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        program = _program(words[0], folder, env)
        GUARD.start()
        self.started_s = time.perf_counter()
        try:
            self.process = subprocess.Popen(
                [program, *words[1:]], cwd=folder, env={**withheld(os.environ), **env}, stdin=subprocess.DEVNULL,
                stdout=self._out, stderr=self._err, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:  # ValueError: a byte 0 in a word, or a name of a variable that is none
            self._close()
            raise CaseFailed(f"{words[0]}: cannot be started: {_why_not(error, Path(program), folder)}") from error
        GUARD.tell("+", self.process.pid)
        self._pidfd = os.pidfd_open(self.process.pid)
        self.wall_s = self.cpu_s = 0.0
        self.peak_rss_bytes: int | None = None

    def wait(self, limit_s: float) -> str:
        """Wait for the program's end. Return "", or the reason why it was ended: it ran too long, or printed too
        much."""
        reason = ""
        while True:
            left_s = self.started_s + limit_s - time.perf_counter()
            if select.select([self._pidfd], [], [], max(0.0, min(left_s, LOOK_S)))[0]:
                break
            if left_s <= 0:
                reason = f"still ran after {limit_s:g} s"
            elif self.printed_bytes > MOST_PRINTED_BYTES:
                reason = f"printed more than {MOST_PRINTED_BYTES >> 20} MiB"
            if reason:
                os.killpg(self.process.pid, signal.SIGKILL)
                select.select([self._pidfd], [], [])
                break
        self.wall_s = time.perf_counter() - self.started_s
        self._reap()
        return reason

    def _reap(self) -> None:
        """Read its status, the processor time of it and its children, and the peak of its own memory. Linux starts the
        peak at that of the starting process: a peak that is not above it is unknown."""
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.peak_rss_bytes = usage.ru_maxrss << 10 if usage.ru_maxrss > own else None

    @property
    def printed_bytes(self) -> int:
        return os.fstat(self._out.fileno()).st_size + os.fstat(self._err.fileno()).st_size

    @property
    def runs(self) -> bool:
        return not self.ends_within(0)

    def ends_within(self, limit_s: float) -> bool:
        return self.process.returncode is not None or bool(select.select([self._pidfd], [], [], limit_s)[0])

    @property
    def stdout(self) -> str:
        return _text(self._out)

    @property
    def last_line(self) -> str:
        """The last line of its output, errors first."""
        for file in (self._err, self._out):
            lines = [line.strip() for line in _text(file).splitlines() if line.strip()]
            if lines:
                return lines[-1][:LAST]
        return ""

    @property
    def ending(self) -> str:
        """`ended with exit status 3: its last line`; empty for status 0."""
        if self.process.returncode is None and not self.runs:
            self._reap()
        code = self.process.returncode
        if not code:
            return ""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        return f"{how}: {self.last_line}" if self.last_line else how

    def end(self) -> None:
        """End the group: SIGTERM, then SIGKILL. Also ends the rest of a group whose program has ended."""
        pid = self.process.pid
        if self.runs:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
            if select.select([self._pidfd], [], [], END_S)[0]:
                self._reap()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if self.process.returncode is None:
            select.select([self._pidfd], [], [])
            self._reap()
        GUARD.tell("-", pid)

    def _close(self) -> None:
        self._out.close()
        self._err.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        os.close(self._pidfd)
        self._close()


def _program(name: str, folder: Path, env: Mapping[str, str]) -> str:
    path = {**os.environ, **env}.get("PATH")
    found = shutil.which(str(folder / name)) if "/" in name else shutil.which(name, path=path)
    if found is None:
        file = folder / name
        why = "no such program"
        if "/" in name and file.exists():
            why = "a folder" if file.is_dir() else "not executable"
        raise CaseFailed(f"{name}: {why}" + (f" (in {folder})" if "/" in name else ""))
    return found


def _why_not(error: OSError | ValueError, program: Path, folder: Path) -> str:
    if isinstance(error, FileNotFoundError) and folder.is_dir():
        with program.open("rb") as file:
            first = file.readline(LAST).decode(errors="replace").strip()
        return f"the interpreter that it names is not there ({first})"
    return getattr(error, "strerror", None) or str(error)


def _text(file: IO[bytes]) -> str:
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), min(size, MOST_PRINTED_BYTES), 0).decode(errors="replace")
