"""The compile service of a worker: compiles a job's cases in forked processes that have torch and Triton loaded
already.

A case that exceeds its time limit is killed with every process that it started; the other cases go on. When several
cases reach equal intermediate code at the same time, one goes on; the others resume when its machine code is there.
"""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import signal
import tempfile
import time
from collections import deque
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from harness.static.claims import Claims, InProgress, give_up, is_free
from harness.static.target import parse_target
from harness.suite.catalogue import bind_ops
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.suite import OpSource
from harness.worker.importing import importing
from harness.worker.messages import Boot
from harness.worker.wire import Wire, wait_for, wire_pair

NICE = 5
"""Niceness: while all cores compile, the process that times finished cases must not wait for a core."""
PRINTED = "printed"
"""File of a process' output, in its own folder."""
PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets when its parent dies."""


class Job(msgspec.Struct, frozen=True, tag=True):
    """To the server, once: compile these cases, in this order as far as possible."""

    cases: tuple[Case, ...]
    target: str
    suite_folder: str
    folder: str
    """An empty folder that the processes share; the pool removes it."""
    jobs: int
    """Concurrent processes."""
    limit_s: float
    """Wall time for each case."""
    ops: dict[str, OpSource] = {}
    """Ops outside of the library."""
    held: bool = False
    """Whether each case waits until a `Want` names it."""


class Want(msgspec.Struct, frozen=True, tag=True):
    """To the server of a held job: compile the cases of these numbers, in this order, after those wanted before."""

    numbers: tuple[int, ...]


class Result(msgspec.Struct, frozen=True, tag=True):
    """The result of the case of this number."""

    number: int
    compiled: Compiled


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """From a forked process: another process is compiling equal code of this key; put the case of this number aside."""

    number: int
    key: str


class Unwritable(msgspec.Struct, frozen=True, tag=True):
    """No kernel's fault: a full disk or a folder that cannot be written. `problem`: which, and why."""

    problem: str


def serve(wire: Wire, _: Boot) -> None:
    """Serve one job; the parent keeps its end of the wire open as long as it wants results."""
    job: Job = wire.receive(Job)
    bind_ops(job.ops)
    with importing():  # torch, too: the pool need not wait to hand over its job
        from harness.static.compile_case import warm_toolchain

        warm_toolchain(parse_target(job.target))
    Server(job, wire).run()


class Compiler:
    """A forked process and its current case."""

    def __init__(self, job: Job) -> None:
        self.wire, theirs = wire_pair()
        self.process: BaseProcess = multiprocessing.get_context("fork").Process(
            target=work, args=(job, theirs), daemon=True
        )
        self.process.start()
        theirs.close()
        self.number: int | None = None
        self.started_s = 0.0

    def hand(self, number: int) -> None:
        self.number, self.started_s = number, time.monotonic()
        self.wire.send(number)

    def kill(self) -> None:
        assert self.process.pid is not None
        for end in (os.killpg, os.kill):  # the group does not exist yet in a process that has just been forked
            try:
                end(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.join()
        self.wire.close()


class Server:
    """Hands the job's cases to its compilers and sends each result over the wire, until the other end closes."""

    def __init__(self, job: Job, wire: Wire) -> None:
        self.job, self.wire, self.folder = job, wire, Path(job.folder)
        self.queue = deque(() if job.held else range(len(job.cases)))
        self.waiting: list[Waiting] = []
        self.compilers: list[Compiler] = []

    def run(self) -> None:
        try:
            self.compilers = [Compiler(self.job) for _ in range(min(self.job.jobs, len(self.job.cases)))]
            while self.queue or self._busy() or self.job.held:
                for compiler in self.compilers:
                    if compiler.number is None and self.queue:
                        compiler.hand(self.queue.popleft())
                if not self._listen():
                    return
                self._end_those_over_the_limit()
                self._resume()
        finally:
            for compiler in self.compilers:
                compiler.kill()

    def _busy(self) -> list[Compiler]:
        return [compiler for compiler in self.compilers if compiler.number is not None]

    def _listen(self) -> bool:
        """Wait for a message of a compiler, no longer than until the next time limit. False: the pool is gone."""
        busy = self._busy()
        first_s = min((compiler.started_s for compiler in busy), default=math.inf)
        left_s = max(first_s + self.job.limit_s - time.monotonic(), 0) if busy else None
        heard = wait_for([self.wire, *(compiler.wire for compiler in busy)], left_s)
        if self.wire in heard:
            try:
                self.queue.extend(self.wire.receive(Want).numbers)
            except (EOFError, OSError):
                return False
        for compiler in busy:
            if compiler.wire in heard:
                try:
                    message = compiler.wire.receive(Result | Waiting | Unwritable)
                except (EOFError, OSError):
                    self._died(compiler)
                    continue
                compiler.number = None
                if isinstance(message, Waiting):
                    self.waiting.append(message)
                else:
                    self.wire.send(message)
        return True

    def _resume(self) -> None:
        """Queue next the cases whose code no process is compiling any more."""
        free = [case for case in self.waiting if is_free(self.folder, case.key)]
        self.waiting = [case for case in self.waiting if case not in free]
        self.queue.extendleft(case.number for case in reversed(free))

    def _end_those_over_the_limit(self) -> None:
        for compiler in self._busy():
            if time.monotonic() - compiler.started_s >= self.job.limit_s:
                reason = f"compiling took longer than {self.job.limit_s:g} s"
                give_up(self.folder, compiler.process.pid or 0, f"{reason} for equal code")
                self._replace(compiler, Status.TIMEOUT, reason)

    def _died(self, compiler: Compiler) -> None:
        compiler.process.join()
        code = compiler.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        words = self._last_words(compiler, crashed=code < 0)
        self._replace(compiler, Status.FAILED, f"the compiler's process ended with {how}{words and f': {words}'}")

    def _last_words(self, compiler: Compiler, crashed: bool) -> str:
        """The error that a compiler printed before it died; of a process that exited, its last line."""
        from harness.static.complaint import complaint_in, last_line_in

        try:
            printed = _own_folder(self.folder, compiler.process.pid or 0) / PRINTED
            return complaint_in(printed) or ("" if crashed else last_line_in(printed))
        except OSError:  # it died before it had a folder
            return ""

    def _replace(self, compiler: Compiler, status: Status, reason: str) -> None:
        compiler.kill()
        assert compiler.number is not None
        case, spent_s = self.job.cases[compiler.number], time.monotonic() - compiler.started_s
        self.wire.send(Result(compiler.number, Compiled(case, status, reason, compile_s=spent_s)))
        self.compilers[self.compilers.index(compiler)] = Compiler(self.job)


def _own_folder(shared: Path, pid: int) -> Path:
    """The folder of one process: the compiler's scratch files and output."""
    return shared / f"process-{pid}"


def work(job: Job, wire: Wire) -> None:
    """Forked process: answer each case number with `Result` or `Waiting`, until it is killed or the wire closes."""
    from harness.static.compile_case import CannotWrite, CaseCompiler
    from harness.static.complaint import Printed
    from harness.static.stages import Stages

    os.setpgid(0, 0)  # so that ptxas, a child of this process, can be killed with it
    os.nice(NICE)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = _own_folder(Path(job.folder), os.getpid())
    own.mkdir()
    tempfile.tempdir = str(own)  # what a killed compilation leaves behind is removed with the pool's folder
    claims, printed = Claims(Path(job.folder)), Printed(own / PRINTED)
    stages = Stages(Path(job.folder), claims.take)
    compiler = CaseCompiler(parse_target(job.target), job.suite_folder, stages, printed.complaint)
    while True:
        try:
            number = wire.receive(int)
        except EOFError:
            return
        answer: Result | Waiting | Unwritable
        try:
            answer = Result(number, compiler.compile(job.cases[number]))
        except InProgress as other:
            answer = Waiting(number, other.key)
        except CannotWrite as error:
            answer = Unwritable(str(error))
        claims.give_back()
        printed.clear()
        wire.send(answer)
