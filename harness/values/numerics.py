"""Facts about a case's outputs beside correctness: repeated, computed in another batch, kept for a comparison with
another side."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Sameness(StrEnum):
    """How two results of the same question agree."""

    BITWISE = "bit for bit"
    WITHIN = "within tolerance"
    """Not the same bits, but the op's tolerance allows the difference."""
    DIFFERS = "differs"


class Determinism(msgspec.Struct, frozen=True):
    """The same call made `calls` times, all but the first beside a busy neighbour.

    differing: Calls that gave other bits than the first.
    max_difference: The largest difference of any call from the first, relative to the largest value of its output.
    """

    sameness: Sameness
    calls: int
    differing: int = 0
    max_difference: float = 0.0

    @property
    def words(self) -> str:
        """`bit for bit`, `within 1.2e-03`, `NOT within 4.0e-02`."""
        return _words(self.sameness, self.max_difference)


class BatchInvariance(msgspec.Struct, frozen=True):
    """A row alone against the same row among others.

    axis: The dim that counts rows (`tokens`, `batch`).
    among: Rows of the call with all.
    rows: The number of these rows that were computed alone.
    max_difference: As in `Determinism`.
    not_run: The reason why nothing was compared. sameness is None then.
    """

    axis: str
    among: int
    rows: int = 0
    sameness: Sameness | None = None
    max_difference: float = 0.0
    not_run: str = ""

    @property
    def words(self) -> str:
        """As in `Determinism`. Empty if nothing was compared."""
        return "" if self.sameness is None else _words(self.sameness, self.max_difference)


class TensorRecord(msgspec.Struct, frozen=True):
    """An output or state, in a few bytes.

    digest: Hash of its bits, dtype and shape.
    norm: Root of the sum of squares.
    sums: Signed sums of its values, little-endian float32 (`harness.measure.output_record`).
    exact: No floating-point numbers, so that every difference counts.
    """

    name: str
    digest: str
    norm: float
    sums: bytes = b""
    exact: bool = False


class OutputRecord(msgspec.Struct, frozen=True):
    """Outputs and states of one call on operands that follow from the question alone, so that every arm, side and run
    computes the same.

    operands: Digest of all operands.
    """

    operands: str
    tensors: tuple[TensorRecord, ...] = ()


class Numerics(msgspec.Struct, frozen=True):
    """Measured once per case, in the first process of a run. None: not measured, or the op has no rows."""

    determinism: Determinism | None = None
    batch_invariance: BatchInvariance | None = None
    outputs: OutputRecord | None = None


class OutputsCompared(msgspec.Struct, frozen=True):
    """Both sides' outputs of one call on the same operands.

    sameness: None if the operands differ.
    rms_difference: An estimate for the output that differs most, relative to base's.
    allowed: The rms error that the op allows against the definition.
    repeats: Both sides give the same bits when they are called again.
    """

    sameness: Sameness | None
    rms_difference: float = 0.0
    allowed: float = 0.0
    repeats: bool = True

    @property
    def word(self) -> str:
        """`same bits`, `rounding`, `DIFFER`, or `other operands`."""
        if self.sameness is None:
            return "other operands"
        words = {Sameness.BITWISE: "same bits", Sameness.WITHIN: "rounding", Sameness.DIFFERS: "DIFFER"}
        return words[self.sameness]

    @property
    def distance(self) -> str:
        """`rms 3.1e-04 (allowed 8e-03)`. Empty if there is none."""
        if self.sameness in (None, Sameness.BITWISE):
            return ""
        again = "" if self.repeats else "; not repeatable"
        return f"rms {self.rms_difference:.1e} (allowed {self.allowed:.0e}){again}"


def _words(sameness: Sameness, max_difference: float) -> str:
    if sameness is Sameness.BITWISE:
        return sameness.value
    return f"{'NOT ' if sameness is Sameness.DIFFERS else ''}within {max_difference:.1e}"
