"""Run as a program: compiles a job's cases in forked processes that have torch and Triton loaded already.

A case that is over its time limit is killed with all that it started; the rest goes on. Of cases that reach equal
intermediate code at the same time one goes on, the others are taken up again when its machine code is there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from harness import kernels_root
from harness.lines import Outbox, from_line
from harness.static.compile_case import warm_toolchain
from harness.static.messages import Job, Result
from harness.static.worker import GO, WAIT, work
from harness.values.compiled import Compiled
from harness.values.measurement import Status


class Worker:
    """A forked process and what it is at. claims: keys of code that it is compiling."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=work, args=(job, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.number: int | None = None
        self.started_s = 0.0
        self.claims: set[str] = set()

    def hand(self, number: int) -> None:
        self.number, self.started_s = number, time.monotonic()
        self.pipe.send(number)

    def kill(self) -> None:
        assert self.process.pid is not None
        for end in (os.killpg, os.kill):  # the group does not exist yet in a process that has just been forked
            try:
                end(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.join()
        self.pipe.close()


class Server:
    """Hands the job's cases to its workers; `emit` gets each result, `control` is a file that closes when the pool
    goes."""

    def __init__(self, job: Job, emit: Callable[[Result], None], control: Any) -> None:
        self.job, self.emit, self.control = job, emit, control
        self.queue = deque(range(len(job.cases)))
        self.waiting: dict[str, list[int]] = {}
        self.ended: set[str] = set()
        self.over: dict[str, str] = {}
        self.workers: list[Worker] = []

    def run(self) -> None:
        try:
            self.workers = [Worker(self.job) for _ in range(min(self.job.jobs, len(self.job.cases)))]
            while self.queue or any(worker.number is not None for worker in self.workers):
                self._hand_out()
                if not self._listen():
                    return
                self._end_those_over_the_limit()
        finally:
            for worker in self.workers:
                worker.kill()

    def _hand_out(self) -> None:
        for worker in self.workers:
            if worker.number is None and self.queue:
                worker.hand(self.queue.popleft())

    def _listen(self) -> bool:
        """Waits for a word of a worker, no longer than until a limit is reached. False: the pool is gone."""
        busy = [worker for worker in self.workers if worker.number is not None]
        if not busy:
            return True
        left = min(worker.started_s for worker in busy) + self.job.limit_s - time.monotonic()
        heard = wait([self.control, *(worker.pipe for worker in busy)], max(left, 0))
        if self.control in heard:
            return False
        for worker in busy:
            if worker.pipe in heard:
                try:
                    self._take(worker, *worker.pipe.recv())
                except (EOFError, OSError):
                    self._died(worker)
        return True

    def _take(self, worker: Worker, word: str, what: Any) -> None:
        if word == "claim":
            worker.pipe.send(self._claim(worker, what))
        elif word == "ended":
            worker.claims.discard(what)
            self.ended.add(what)
            self._release(what)
        elif word == "waiting":
            assert worker.number is not None
            place = self.queue if what in self.ended or not self._held(what) else self.waiting.setdefault(what, [])
            place.append(worker.number)
            worker.number = None
        else:
            self._done(worker, what)

    def _claim(self, worker: Worker, key: str) -> str:
        if key in self.over:
            return self.over[key]
        if key not in self.ended and self._held(key):
            return WAIT
        worker.claims.add(key)
        return GO

    def _held(self, key: str) -> bool:
        return any(key in worker.claims for worker in self.workers)

    def _done(self, worker: Worker, compiled: Compiled) -> None:
        assert worker.number is not None
        self.emit(Result(worker.number, compiled))
        worker.number = None
        for key in worker.claims:
            self._release(key)
        worker.claims = set()

    def _release(self, key: str) -> None:
        """Those that waited for this code are next."""
        self.queue.extendleft(reversed(self.waiting.pop(key, [])))

    def _end_those_over_the_limit(self) -> None:
        for worker in self.workers:
            if worker.number is not None and time.monotonic() - worker.started_s >= self.job.limit_s:
                reason = f"compiling took longer than {self.job.limit_s:g} s"
                for key in worker.claims:
                    self.over[key] = f"{reason} for equal code"
                self._replace(worker, Status.TIMEOUT, reason)

    def _died(self, worker: Worker) -> None:
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        self._replace(worker, Status.FAILED, f"the compiler's process ended with {how}")

    def _replace(self, worker: Worker, status: Status, reason: str) -> None:
        worker.kill()
        assert worker.number is not None
        compiled = Compiled(
            self.job.cases[worker.number], status, reason, compile_s=time.monotonic() - worker.started_s
        )
        self._done(worker, compiled)
        self.workers[self.workers.index(worker)] = Worker(self.job)


def main(arguments: Sequence[str]) -> None:
    """The job is a line on standard input, which stays open as long as its results are wanted; each result is a line
    on standard output."""
    outbox = Outbox()
    control = sys.stdin.buffer
    job: Job = from_line(control.readline(), Job)
    kernels_root.bind(Path(job.kernels_root))
    warm_toolchain(job.capability)
    Server(job, outbox.send, control).run()


if __name__ == "__main__":
    main(sys.argv[1:])
