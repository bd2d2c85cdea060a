"""What was observed of one case: correctness first, then raw samples. Every median and interval is derived."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.values.case import Case
from harness.values.energy import EnergyWindow
from harness.values.numerics import Numerics
from harness.values.package import Package
from harness.values.quality import DecodeQuality

METHOD_VERSION = 3
"""Raised when the way of timing changes; samples of different methods are not compared."""


class Status(StrEnum):
    OK = "OK"
    INCORRECT = "INCORRECT"
    INVALID = "INVALID"
    """Right, but no speed: faster than physics, or what times and judges it was touched."""
    UNSUPPORTED = "UNSUPPORTED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    SKIPPED = "SKIPPED"
    """A configuration that a sweep left out for a stated reason: nothing is known of it."""


WORST_FIRST = (
    Status.INCORRECT, Status.INVALID, Status.FAILED, Status.TIMEOUT, Status.UNSUPPORTED, Status.SKIPPED, Status.OK,
)  # fmt: skip


class Sample(msgspec.Struct, frozen=True):
    """One timed value: microseconds per call (kernels), per token (decode), per forward pass (prefill).

    process: number of the fresh process within its run. round: interleaved pass over all cases.
    """

    value_us: float
    process: int
    round: int


class Conditions(msgspec.Struct, frozen=True):
    """What the GPU said of itself during one round; None where it says nothing. other_processes: computing on it."""

    process: int
    round: int
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    other_processes: int = 0


ROW_SLACK = 4.0
"""See `kernels/contract.py`, whose default this is."""


class Tolerance(msgspec.Struct, frozen=True):
    """How far an output may be from the float32 reference: see `kernels/contract.py`, whose class this mirrors.
    rounds_narrowly: of an op that does not say: outputs of 8 bits are allowed their own rounding, too."""

    max_error: float
    rms_error: float
    row_slack: float = ROW_SLACK
    rounds_narrowly: bool = False


class Mismatch(StrEnum):
    """The way in which a case is wrong."""

    VALUES = "values"
    SHAPE = "shape"
    """An output of another shape."""
    OUTPUTS = "outputs"
    """Outputs that are not what the op owes, in number, class, dtype or memory: no value was compared."""
    INPUT_CHANGED = "input changed"
    """The call wrote to an input that is not state, whatever its outputs were."""
    WRITE_OUTSIDE = "write outside"
    """The call wrote to memory before or after an operand: no value was compared."""
    READ_OUTSIDE = "read outside"
    """Values are wrong, and change with what lies before or after an operand."""


class StreamDivergence(msgspec.Struct, frozen=True):
    """An arm's own greedy text leaves the recorded token stream: a label, not a failure."""

    token: int
    """Position of the first other token."""
    gap: float | None = None
    """Between the top two logits there; None for the first token, which no logits chose."""

    @property
    def words(self) -> str:
        gap = "" if self.gap is None else f", where its top two logits are {self.gap:.3g} apart"
        return f"own greedy stream leaves the recorded one at token {self.token}{gap}"


class Correctness(msgspec.Struct, frozen=True):
    """The comparison of one case with the float32 reference, errors relative to the size of the output.

    max_error: max|out-ref| / max|ref|. rms_error: rms(out-ref) / rms(ref). wrong_elements of elements are further off
    than the tolerance allows; region says where they are. detail: other findings in words. repeatable: a second call
    gave the same bits; a label, not a failure. row_error: the largest rms(out-ref) / rms(ref) of a row; None for
    integers and in runs of before rows were checked. conditions: those of `kernels/stress.py` under which the case was
    right, too; condition: the one under which it was not. kind: None where the case is correct, and in runs of before
    it was kept. diverges: of a decode, where its own stream does.
    """

    correct: bool
    max_error: float
    rms_error: float
    allowed_max_error: float
    allowed_rms_error: float
    wrong_elements: int
    elements: int
    region: str = ""
    detail: str = ""
    repeatable: bool | None = None
    row_error: float | None = None
    allowed_row_error: float | None = None
    conditions: tuple[str, ...] = ()
    rechecked_calls: int = 0
    condition: str = ""
    kind: Mismatch | None = None
    diverges: StreamDivergence | None = None


class Work(msgspec.Struct, frozen=True):
    """The least bytes and operations of one call, token or pass, from the op's spec."""

    read_bytes: int
    write_bytes: int
    flop: int

    @property
    def bytes(self) -> int:
        return self.read_bytes + self.write_bytes


class Statistics(msgspec.Struct, frozen=True):
    """What another program kept of its samples: microseconds per call, of so many rounds of one process."""

    median_us: float
    q1_us: float
    q3_us: float
    rounds: int


class Measurement(msgspec.Struct, frozen=True):
    """One case in one process, or, as a run is loaded, in all its processes.

    A measurement whose status is not OK has a reason and no samples. source: hash of the variant's source text, see
    `Run.sources`. timer: what timed it (`cuda_graph`, `cpu`, ...). calls_per_sample: calls between two clock readings.
    cold_bytes: bytes touched between two uses of the same weights. prepared_bytes: of the weights
    as the variant repacked them. launches: kernels per decoded token, where they were counted without a profile.
    energy: where it was asked for; no_energy: why it is not known.
    statistics: of a file that has no samples.
    """

    case: Case
    status: Status
    reason: str = ""
    correctness: Correctness | None = None
    samples: tuple[Sample, ...] = ()
    work: Work | None = None
    source: str | None = None
    timer: str = ""
    calls_per_sample: int = 1
    cold_bytes: int | None = None
    peak_memory_bytes: int | None = None
    compile_s: float | None = None
    capture_s: float | None = None
    first_token_us: float | None = None
    launches: int | None = None
    prepared_bytes: int | None = None
    statistics: Statistics | None = None
    notes: tuple[str, ...] = ()
    method: int = METHOD_VERSION
    numerics: Numerics | None = None
    quality: DecodeQuality | None = None
    """Of a decode."""
    out_of_memory: bool = False
    """It failed for want of memory: what others hold may be the cause."""
    energy: tuple[EnergyWindow, ...] = ()
    no_energy: str = ""
    package: Package | None = None
    """Of a decode whose step was compiled ahead of time."""

    def __post_init__(self) -> None:
        if self.status is not Status.OK and (self.samples or self.statistics or not self.reason):
            raise ValueError(f"{self.case.id}: {self.status.value} needs a reason and no samples")
