"""The process of `try` that touches the device, and stays: torch is imported and the GPU opened once.

Started as `python -m harness.attempt.worker KERNELS_ROOT`; jobs come line by line, each ends with one answer. Without a
GPU, Triton kernels run in Triton's interpreter. Whatever leaves the process in doubt (a fault of the GPU's context, no
memory left) ends it after its answer: the next attempt starts a fresh one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.attempt.messages import Answered, Greeting, TryJob, Working
from harness.lines import Outbox, from_line
from harness.parent import end_with_parent

FAULTED = 3
"""Exit status of a worker whose GPU context was lost, after its answer."""


def main(kernels_root: str) -> None:
    """Serves jobs until its standard input ends."""
    end_with_parent()
    outbox = Outbox()
    import torch

    interpreted = not torch.cuda.is_available()
    if interpreted:
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported; torch has not done that
    from harness import kernels_root as root
    from harness.measure.environment import capture, settle_threads

    root.bind(Path(kernels_root))
    settle_threads()
    environment = capture(Path.cwd())
    outbox.send(Greeting(environment, interpreted))
    from harness.measure.one_case import OneCase

    def working(what: str) -> None:
        outbox.send(Working(what))

    bench = OneCase(environment, working)
    for line in sys.stdin.buffer:
        answer = _serve(bench, from_line(line, TryJob))
        outbox.send(answer)
        if answer.lost:
            os._exit(FAULTED)  # the interpreter's own end would touch the lost context


def _serve(bench: object, job: TryJob) -> Answered:
    from harness.measure.one_case import OneCase

    assert isinstance(bench, OneCase)
    return bench.answer(job)


if __name__ == "__main__":
    main(sys.argv[1])
