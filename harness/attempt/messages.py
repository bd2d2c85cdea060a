"""What the warm worker of `try` and its parent say to each other: one value a line, as in `harness.runner.messages`."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

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

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(FromTryWorker)
_job_decoder = msgspec.msgpack.Decoder(TryJob)


def to_line(message: FromTryWorker | TryJob) -> bytes:
    return b2a_base64(_encoder.encode(message))


def from_line(line: bytes) -> FromTryWorker:
    return _decoder.decode(a2b_base64(line))


def job_from_line(line: bytes) -> TryJob:
    return _job_decoder.decode(a2b_base64(line))
