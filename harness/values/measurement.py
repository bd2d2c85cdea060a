"""The observations of one case: correctness first, then raw samples. Every median and interval is derived."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.values.case import Case
from harness.values.energy import EnergyWindow
from harness.values.numerics import Numerics
from harness.values.package import Package
from harness.values.quality import DecodeQuality

METHOD_VERSION = 3
"""Raised when the way of timing changes. Samples of different methods are not compared."""


class Status(StrEnum):
    OK = "OK"
    INCORRECT = "INCORRECT"
    INVALID = "INVALID"
    """Right, but without a speed: faster than physics, or the code that times and judges it was touched."""
    UNSUPPORTED = "UNSUPPORTED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    SKIPPED = "SKIPPED"
    """A configuration that a sweep left out for a stated reason. Nothing is known of it."""


WORST_FIRST = (
    Status.INCORRECT, Status.INVALID, Status.FAILED, Status.TIMEOUT, Status.UNSUPPORTED, Status.SKIPPED, Status.OK,
)  # fmt: skip


class Sample(msgspec.Struct, frozen=True):
    """One timed value: microseconds per call (kernels), per token (decode), per forward pass (prefill).

    process: Number of the fresh process within its run.
    round: Interleaved pass over all cases.
    """

    value_us: float
    process: int
    round: int


class Conditions(msgspec.Struct, frozen=True):
    """The GPU's readings during one round. None: it does not report this one.

    other_processes: Other processes that compute on it.
    """

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
    """The allowed distance of an output from the float32 reference. It mirrors the class in `kernels/contract.py`.

    rounds_narrowly: True for an op that states no tolerance. Its outputs of 8 bits are allowed their own rounding, too.
    """

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
    """Outputs that the op does not allow, in number, class, dtype or memory: no value was compared."""
    INPUT_CHANGED = "input changed"
    """The call wrote to an input that is not state, whatever its outputs were."""
    WRITE_OUTSIDE = "write outside"
    """The call wrote to memory before or after an operand: no value was compared."""
    READ_OUTSIDE = "read outside"
    """Values are wrong, and change with the memory before or after an operand."""


class StreamDivergence(msgspec.Struct, frozen=True):
    """An arm's own greedy text leaves the recorded token stream: a label, not a failure."""

    token: int
    """Position of the first other token."""
    gap: float | None = None
    """Distance of the top two logits there. None for the first token, which no logits chose."""

    @property
    def words(self) -> str:
        gap = "" if self.gap is None else f", where its top two logits are {self.gap:.3g} apart"
        return f"own greedy stream leaves the recorded one at token {self.token}{gap}"


class Correctness(msgspec.Struct, frozen=True):
    """The comparison of one case with the float32 reference. Errors are relative to the size of the output.

    max_error: max|out-ref| / max|ref|.
    rms_error: rms(out-ref) / rms(ref).
    wrong_elements: Elements, out of `elements`, that are further off than the tolerance allows.
    region: Place of the wrong elements.
    detail: Other findings in words.
    repeatable: A second call gave the same bits. A label, not a failure.
    row_error: The largest rms(out-ref) / rms(ref) of a row. None for integers, and in older runs without a check of
        rows.
    conditions: The conditions of `kernels/stress.py` under which the case was right, too.
    condition: The one under which it was not.
    kind: None if the case is correct, and in older runs that did not keep it.
    diverges: For a decode, the place where its own stream diverges.
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
    """The statistics that another program kept of its samples: microseconds per call, over `rounds` rounds of one
    process."""

    median_us: float
    q1_us: float
    q3_us: float
    rounds: int


class Measurement(msgspec.Struct, frozen=True):
    """One case in one process or, in a loaded run, in all its processes.

    A measurement whose status is not OK has a reason and no samples.

    source: Hash of the variant's source text, see `Run.sources`.
    timer: The timer that was used (`cuda_graph`, `cpu`, ...).
    calls_per_sample: Calls between two clock readings.
    cold_bytes: Bytes touched between two uses of the same weights.
    prepared_bytes: Size of the weights as the variant repacked them.
    launches: Kernels per decoded token if they were counted without a profile.
    energy: Energy windows if they were requested.
    no_energy: The reason why the energy is not known.
    statistics: For a file that has no samples.
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
    """Decode cases only."""
    out_of_memory: bool = False
    """It ran out of memory. The memory of other processes may be the cause."""
    energy: tuple[EnergyWindow, ...] = ()
    no_energy: str = ""
    package: Package | None = None
    """For a decode whose step was compiled ahead of time."""

    def __post_init__(self) -> None:
        if self.status is not Status.OK and (self.samples or self.statistics or not self.reason):
            raise ValueError(f"{self.case.id}: {self.status.value} needs a reason and no samples")
