"""One forked process of the server: compiles the cases that it is handed, until it is killed or the wire closes."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
from pathlib import Path

from harness.static.claims import Claims, InProgress
from harness.static.compile_case import CaseCompiler
from harness.static.messages import Compile, Job, Result, Waiting
from harness.static.stages import Stages
from harness.worker.wire import Wire

NICE = 5
"""While all cores compile, the process that times what is ready must not wait for one."""
PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets as its parent dies."""


def work(job: Job, wire: Wire) -> None:
    """Answers each `Compile` with `Result` or `Waiting`."""
    os.setpgid(0, 0)  # so that ptxas, a child of this process, can be killed with it
    os.nice(NICE)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = Path(job.folder, f"process-{os.getpid()}")
    own.mkdir()
    tempfile.tempdir = str(own)  # what a killed compilation leaves behind is removed with the pool's folder
    claims = Claims(Path(job.folder))
    compiler = CaseCompiler(job.capability, job.suite_folder, Stages(Path(job.folder), claims.take))
    while True:
        try:
            number = wire.receive(Compile).number
        except EOFError:
            return
        answer: Result | Waiting
        try:
            answer = Result(number, compiler.compile(job.cases[number]))
        except InProgress as other:
            answer = Waiting(number, other.key)
        claims.give_back()
        wire.send(answer)
