"""One forked process of the server: compiles the cases that it is handed, until it is killed or the pipe closes."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from harness.static.compile_case import CaseCompiler
from harness.static.messages import Job
from harness.static.stages import InProgress, OverLimit, Stages

NICE = 5
"""While all cores compile, the process that times what is ready must not wait for one."""
GO, WAIT = "go", "wait"
"""Answers to a claim; any other answer is the reason why the code will never be compiled."""
PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets as its parent dies."""


def work(job: Job, pipe: Connection) -> None:
    """Messages to the server: ("claim", key), answered; ("ended", key); ("waiting", key) and ("done", Compiled), after
    which the next number is expected. Everything printed here goes to standard error: standard output is the server's.
    """
    os.setpgid(0, 0)  # so that ptxas, a child of this process, can be killed with it
    os.nice(NICE)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    own = Path(job.folder, f"process-{os.getpid()}")
    own.mkdir()
    tempfile.tempdir = str(own)  # what a killed compilation leaves behind is removed with the pool's folder

    def claim(key: str) -> None:
        pipe.send(("claim", key))
        answer = pipe.recv()
        if answer == WAIT:
            raise InProgress(key)
        if answer != GO:
            raise OverLimit(answer)

    stages = Stages(Path(job.folder), claim, lambda key: pipe.send(("ended", key)))
    compiler = CaseCompiler(job.capability, job.suite_folder, stages)
    while True:
        try:
            number = pipe.recv()
        except EOFError:
            return
        case = job.cases[number]
        try:
            pipe.send(("done", compiler.compile(case)))
        except InProgress as waiting:
            pipe.send(("waiting", waiting.key))
