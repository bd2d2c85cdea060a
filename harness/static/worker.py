"""One forked process of the server: compiles the cases that it is handed, until it is killed or the wire closes."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
from pathlib import Path

from harness.static.compile_case import CaseCompiler
from harness.static.messages import Busy, Claim, Compile, Denied, Ended, Granted, Job, Made, Waiting
from harness.static.stages import InProgress, OverLimit, Stages
from harness.worker.wire import Wire

NICE = 5
"""While all cores compile, the process that times what is ready must not wait for one."""
PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets as its parent dies."""


def work(job: Job, wire: Wire) -> None:
    """Answers each `Compile` with `Made` or `Waiting`; before that it may send `Claim`, which is answered, and
    `Ended`."""
    os.setpgid(0, 0)  # so that ptxas, a child of this process, can be killed with it
    os.nice(NICE)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = Path(job.folder, f"process-{os.getpid()}")
    own.mkdir()
    tempfile.tempdir = str(own)  # what a killed compilation leaves behind is removed with the pool's folder

    def claim(key: str) -> None:
        wire.send(Claim(key))
        answer = wire.receive(Granted | Busy | Denied)
        if isinstance(answer, Busy):
            raise InProgress(key)
        if isinstance(answer, Denied):
            raise OverLimit(answer.reason)

    stages = Stages(Path(job.folder), claim, lambda key: wire.send(Ended(key)))
    compiler = CaseCompiler(job.capability, job.suite_folder, stages)
    while True:
        try:
            case = job.cases[wire.receive(Compile).number]
        except EOFError:
            return
        try:
            wire.send(Made(compiler.compile(case)))
        except InProgress as waiting:
            wire.send(Waiting(waiting.key))
