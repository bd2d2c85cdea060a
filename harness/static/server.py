"""A worker's service: compiles a job's cases in forked processes that have torch and Triton loaded already.

A case that exceeds its time limit is killed with all that it started; the rest goes on. When several cases reach equal
intermediate code at the same time, one goes on; the others are taken up again when its machine code is there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import defaultdict, deque
from multiprocessing.process import BaseProcess

from harness.static.messages import (
    Busy,
    Claim,
    Compile,
    Denied,
    Ended,
    FromCompiler,
    Granted,
    Job,
    Made,
    Result,
    Waiting,
)  # fmt: skip
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.worker.messages import Boot
from harness.worker.wire import Wire, wait_for, wire_pair


def serve(wire: Wire, _: Boot) -> None:
    """One job; the parent keeps its end of the wire open as long as it wants results."""
    job: Job = wire.receive(Job)
    from harness.static.compile_case import warm_toolchain  # imports torch: the pool need not wait to hand over its job

    warm_toolchain(job.capability)
    Server(job, wire).run()


class Compiler:
    """A forked process and its present case."""

    def __init__(self, job: Job) -> None:
        from harness.static.worker import work

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
        self.wire.send(Compile(number))

    def kill(self) -> None:
        assert self.process.pid is not None
        for end in (os.killpg, os.kill):  # the group does not exist yet in a process that has just been forked
            try:
                end(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.join()
        self.wire.close()


class Code:
    """Intermediate code that several cases may reach."""

    def __init__(self) -> None:
        self.holder: Compiler | None = None
        """Who takes it through LLVM and ptxas."""
        self.ended = False
        self.problem = ""
        """Why nobody is to try again."""
        self.waiting: list[int] = []
        """Numbers of the cases that go on when it has ended."""


class Server:
    """Hands the job's cases to its compilers and sends each result over the wire, until the other end is gone."""

    def __init__(self, job: Job, wire: Wire) -> None:
        self.job, self.wire = job, wire
        self.queue = deque(range(len(job.cases)))
        self.codes: defaultdict[str, Code] = defaultdict(Code)
        self.compilers: list[Compiler] = []

    def run(self) -> None:
        try:
            self.compilers = [Compiler(self.job) for _ in range(min(self.job.jobs, len(self.job.cases)))]
            while self.queue or self._busy():
                for compiler in self.compilers:
                    if compiler.number is None and self.queue:
                        compiler.hand(self.queue.popleft())
                if not self._listen():
                    return
                self._end_those_over_the_limit()
        finally:
            for compiler in self.compilers:
                compiler.kill()

    def _busy(self) -> list[Compiler]:
        return [compiler for compiler in self.compilers if compiler.number is not None]

    def _listen(self) -> bool:
        """Waits for a message of a compiler, no longer than until a limit is reached. False: the pool is gone."""
        busy = self._busy()
        left_s = min(compiler.started_s for compiler in busy) + self.job.limit_s - time.monotonic()
        heard = wait_for([self.wire, *(compiler.wire for compiler in busy)], max(left_s, 0))
        if self.wire in heard:
            return False
        for compiler in busy:
            if compiler.wire in heard:
                try:
                    self._take(compiler, compiler.wire.receive(FromCompiler))
                except (EOFError, OSError):
                    self._died(compiler)
        return True

    def _take(self, compiler: Compiler, message: FromCompiler) -> None:
        if isinstance(message, Made):
            self._done(compiler, message.compiled)
            return
        code = self.codes[message.key]
        if isinstance(message, Claim):
            compiler.wire.send(self._claim(compiler, code))
        elif isinstance(message, Ended):
            code.ended, code.holder = True, None
            self._release(code)
        elif isinstance(message, Waiting):
            assert compiler.number is not None
            (code.waiting if code.holder else self.queue).append(compiler.number)
            compiler.number = None

    def _claim(self, compiler: Compiler, code: Code) -> Granted | Busy | Denied:
        if code.problem:
            return Denied(code.problem)
        if code.holder and not code.ended:
            return Busy()
        code.holder = compiler
        return Granted()

    def _done(self, compiler: Compiler, compiled: Compiled) -> None:
        assert compiler.number is not None
        self.wire.send(Result(compiler.number, compiled))
        compiler.number = None
        for code in self._held(compiler):
            code.holder = None
            self._release(code)

    def _held(self, compiler: Compiler) -> list[Code]:
        return [code for code in self.codes.values() if code.holder is compiler]

    def _release(self, code: Code) -> None:
        """Those that waited for this code are next."""
        self.queue.extendleft(reversed(code.waiting))
        code.waiting = []

    def _end_those_over_the_limit(self) -> None:
        for compiler in self._busy():
            if time.monotonic() - compiler.started_s >= self.job.limit_s:
                reason = f"compiling took longer than {self.job.limit_s:g} s"
                for code in self._held(compiler):
                    code.problem = f"{reason} for equal code"
                self._replace(compiler, Status.TIMEOUT, reason)

    def _died(self, compiler: Compiler) -> None:
        compiler.process.join()
        code = compiler.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        self._replace(compiler, Status.FAILED, f"the compiler's process ended with {how}")

    def _replace(self, compiler: Compiler, status: Status, reason: str) -> None:
        compiler.kill()
        assert compiler.number is not None
        case = self.job.cases[compiler.number]
        self._done(compiler, Compiled(case, status, reason, compile_s=time.monotonic() - compiler.started_s))
        self.compilers[self.compilers.index(compiler)] = Compiler(self.job)
