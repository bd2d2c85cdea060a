"""A run as flat rows, one a case: what CSV, JSON and the records for dashboards are made of."""

from __future__ import annotations

import msgspec

from harness.values.case import AxisValue
from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Status
from harness.values.run import Run

from .decode_view import rate
from .joined import Answered, Joined, by_question, join

UNITS = {"kernel": "us/call", "decode": "us/step", "prefill": "us/pass"}


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case with what was measured. Names are as stored, not shortened.

    status: of `Status`, or of `Unmeasured`. shared_with: the arm whose measurement this one is. time: in `unit`.
    tok_s: of decode and prefill, all sequences together. ratio: head time / time of the run's first arm. bound_share:
    least time by bytes over time. samples: raw, in order, each `[process, round, us]`.
    """

    id: str
    kind: str
    op: str | None
    site: str | None
    engine: str | None
    dtype: str
    axes: dict[str, AxisValue]
    dims: dict[str, int]
    arm: str
    shared_with: str
    variant: str | None
    tunables: dict[str, int | float | str | bool]
    status: str
    reason: str
    unit: str
    time: Estimate | None
    tok_s: Estimate | None
    ratio: Ratio | None
    bound_share: float | None
    gb_s: float | None
    bytes: int | None
    flop: int | None
    rms_error: float | None
    allowed_rms_error: float | None
    peak_memory_bytes: int | None
    first_token_us: float | None
    compile_s: float | None
    capture_s: float | None
    timer: str
    samples: tuple[tuple[int, int, float], ...]


def case_rows(run: Run) -> tuple[CaseRow, ...]:
    """Every case of the run in the order of its plan, measured or not."""
    joined = join(run)
    questions = {entry.case.id: entries for entries in by_question(joined.cases) for entry in entries}
    return tuple(_row(joined, questions[entry.case.id], entry) for entry in joined.cases)


def tokens_per_time(entry: Answered) -> int:
    """Tokens that one timed step or pass makes or reads; a batch counts all of its sequences."""
    axes = entry.case.axes
    batch = int(axes.get("batch", 1))
    return batch if entry.case.kind == "decode" else batch * int(axes.get("context", 1))


def _row(joined: Joined, question: list[Answered], entry: Answered) -> CaseRow:
    case, m = entry.case, entry.measurement
    time, bound_us = joined.estimate(entry), joined.bound_us(entry)
    correctness, work = (m.correctness, m.work) if m else (None, None)
    ok = m is not None and m.status is Status.OK
    return CaseRow(
        id=case.id,
        kind=case.kind,
        op=case.op,
        site=case.site,
        engine=case.engine,
        dtype=case.dtype,
        axes=case.axes,
        dims=case.dims,
        arm=case.arm,
        shared_with=entry.shared_with,
        variant=case.answer.variant if case.answer else None,
        tunables=case.answer.tunables if case.answer else {},
        status=m.status.value if m else joined.run.unmeasured(case).status,
        reason=m.reason if m else joined.run.unmeasured(case).reason,
        unit=UNITS[case.kind],
        time=time,
        tok_s=rate(time, tokens_per_time(entry)) if time and case.kind != "kernel" else None,
        ratio=joined.against_first(question, entry) if ok else None,
        bound_share=bound_us / time.value if bound_us and time else None,
        gb_s=work.bytes / time.value / 1e3 if work and work.bytes and time else None,
        bytes=work.bytes if work else None,
        flop=work.flop if work else None,
        rms_error=correctness.rms_error if correctness else None,
        allowed_rms_error=correctness.allowed_rms_error if correctness else None,
        peak_memory_bytes=m.peak_memory_bytes if m else None,
        first_token_us=m.first_token_us if m else None,
        compile_s=m.compile_s if m else None,
        capture_s=m.capture_s if m else None,
        timer=m.timer if m else "",
        samples=tuple((s.process, s.round, s.value_us) for s in entry.samples),
    )
