"""Compares the outputs of two sides: the same bits, equal within rounding, or different."""

from __future__ import annotations

import math
import sys
from array import array
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from harness.compare.join import Joined
from harness.values.measurement import Measurement
from harness.values.numerics import Numerics, OutputRecord, OutputsCompared, Sameness, TensorRecord
from harness.values.verdict import CaseVerdict

MOST_NAMED = 3
BYTES_OF_A_SUM = 4


def compare_outputs(base: Measurement | None, head: Measurement | None) -> OutputsCompared | None:
    """Return the comparison; None where a side has no record: it was wrong, not reached, or stored before records were
    kept."""
    if base is None or head is None or base is head or base.correctness is None:
        return None
    ours, theirs = _record(base.numerics), _record(head.numerics)
    if ours is None or theirs is None:
        return None
    if ours.operands != theirs.operands:
        return OutputsCompared(None)
    allowed = base.correctness.allowed_rms_error
    if [tensor.name for tensor in ours.tensors] != [tensor.name for tensor in theirs.tensors]:
        return OutputsCompared(Sameness.DIFFERS, math.inf, allowed)
    pairs = [(a, b) for a, b in zip(ours.tensors, theirs.tensors, strict=True) if a.digest != b.digest]
    if not pairs:
        return OutputsCompared(Sameness.BITWISE, allowed=allowed)
    apart = max(_rms_difference(a, b) for a, b in pairs)
    kind = Sameness.WITHIN if apart <= allowed else Sameness.DIFFERS
    return OutputsCompared(kind, apart, allowed, _repeats(base.numerics) and _repeats(head.numerics))


def with_outputs(verdicts: Sequence[CaseVerdict], joined: Sequence[Joined]) -> list[CaseVerdict]:
    """The verdicts on times with the comparison of both sides' outputs."""
    found = {q.name: compare_outputs(q.base.measurement, q.head.measurement) for q in joined if q.base and q.head}
    return [replace(v, outputs=found.get(v.case)) if v.is_time else v for v in verdicts]


def outputs_notes(verdicts: Sequence[CaseVerdict]) -> list[str]:
    """Notes on differing outputs, which are news even if nothing became slower; none where all compared outputs have
    the same bits."""
    compared = {v.case: v.outputs for v in verdicts if v.outputs is not None}
    counts = Counter(found.sameness for found in compared.values())
    parts = []
    for kind, words in (
        (Sameness.WITHIN, "equal within rounding"), (Sameness.DIFFERS, "further apart than rounding"),
        (None, "computed from other operands"),
    ):  # fmt: skip
        names = [
            f"{case}, {found.distance}" if found.distance else case
            for case, found in compared.items() if found.sameness is kind
        ]  # fmt: skip
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        if counts[kind]:
            parts.append(f"{counts[kind]} {words} ({'; '.join(names[:MOST_NAMED])}{more})")
    same = f"outputs: the same bits on both sides in {counts[Sameness.BITWISE]} of {len(compared)} cases"
    return ["; ".join([same, *parts])] if parts else []


def _record(numerics: Numerics | None) -> OutputRecord | None:
    return numerics.outputs if numerics else None


def _repeats(numerics: Numerics | None) -> bool:
    label = numerics.determinism if numerics else None
    return label is None or label.sameness is Sameness.BITWISE


def _rms_difference(base: TensorRecord, head: TensorRecord) -> float:
    """Root mean square of the difference over base's; infinite where they are no floats, or of two shapes or dtypes."""
    if base.exact or head.exact or _kind(base) != _kind(head):
        return math.inf
    if len(base.sums) != len(head.sums) or len(base.sums) % BYTES_OF_A_SUM:  # no record of ours
        return math.inf
    apart = math.dist(_sums(base), _sums(head))
    if not math.isfinite(apart):
        return math.inf
    return apart / base.norm if base.norm else (math.inf if apart else 0.0)


def _kind(record: TensorRecord) -> str:
    """`bfloat16:1x2048`"""
    return record.digest.partition(":")[2]


def _sums(record: TensorRecord) -> array[float]:
    found = array("f", record.sums)
    if sys.byteorder == "big":
        found.byteswap()
    return found
