"""What the warm worker of `try` and its parent say to each other, in `harness.lines`."""

from __future__ import annotations

import msgspec

from harness.values.attempt import Diagnosis
from harness.values.binary import Binary
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.launch import Launch
from harness.values.measurement import Measurement


class TryJob(msgspec.Struct, frozen=True, tag=True):
    """case: the attempt's; against: of the same question. explicit: check this shape even where the interpreter is
    slow. evidence: folder for what is kept of a wrong output. rounds: in place of the timer's own. folder: what
    `./file.py` is relative to."""

    case: Case
    against: Case | None
    folder: str
    evidence: str
    explicit: bool = False
    rounds: int | None = None


class Greeting(msgspec.Struct, frozen=True, tag=True):
    """First word of a worker. interpreted: Triton kernels run in its interpreter."""

    environment: Environment
    interpreted: bool


class Working(msgspec.Struct, frozen=True, tag=True):
    """What the worker does now; if it dies or hangs, this is where."""

    what: str


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The end of a job. lost: the worker cannot go on; it ends now. launches, binaries: of one call on the GPU."""

    measurement: Measurement
    against: Measurement | None = None
    source: str | None = None
    diagnosis: Diagnosis | None = None
    evidence: str = ""
    remarks: tuple[str, ...] = ()
    launches: tuple[Launch, ...] = ()
    binaries: tuple[Binary, ...] = ()
    lost: bool = False


FromTryWorker = Greeting | Working | Answered
