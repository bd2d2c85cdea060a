"""A case with its measurement as one flat row, the source of CSV, JSON, notebooks and dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

import msgspec

from harness.stats import estimate, estimate_of
from harness.stats.energy import joules
from harness.values.attempt import Attempt
from harness.values.case import AxisValue, Case, Implementation, Tunables
from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Correctness, Measurement, Sample, Status
from harness.values.numerics import BatchInvariance, Determinism
from harness.values.quality import DecodeQuality
from harness.values.run import Run

from .joined import Joined, MeasuredCase, by_question, join, rate

S = TypeVar("S")
Triple = tuple[int, int, float]
"""A sample: process, round, us."""


class CaseRow(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """A case: its question and answer, then its measurement. Names are as stored, not shortened.

    `status`: a `Status` or `Unmeasured`; None in a plan. `shared_with`: the arm whose measurement this one is. `time`:
    in `unit`. `tok_s`: for decode and prefill, all sequences together. `ratio`: head time / time of the run's first
    arm. `bound_share`: least time by bytes over time. `energy_j`: per call or token, for all sequences. `net_energy_j`:
    without the idle device's power. `no_energy`: the reason why a requested energy is missing. `code`: hash of
    everything that the case was seen to read; empty if nobody looked, or if it may have read more. `samples`: raw, in
    order.
    """

    id: str
    kind: Literal["kernel", "decode", "prefill", "figure"]
    arm: str
    dtype: str
    axes: dict[str, AxisValue]
    op: str | None
    site: str | None
    engine: str | None
    dims: dict[str, int]
    calls: int
    answer: Implementation | None
    same_as: str | None
    problem: str | None
    replaces: tuple[str, ...]
    tunables_in_id: bool
    shared_with: str
    variant: str | None
    tunables: Tunables
    status: str | None
    reason: str
    correctness: Correctness | None
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
    energy_j: Estimate | None
    net_energy_j: Estimate | None
    no_energy: str
    code: str
    determinism: Determinism | None
    batch_invariance: BatchInvariance | None
    quality: DecodeQuality | None
    samples: tuple[S, ...]


class RunRow(CaseRow[Sample], frozen=True, kw_only=True):
    """estimate: the time again, without its unit. samples_us: the samples without process and round."""

    estimate: Estimate | None
    samples_us: tuple[float, ...]


def report_rows(run: Run) -> tuple[CaseRow[Triple], ...]:
    """Every case of the run in the order of its plan, measured or not. Each sample is process, round and us."""
    joined = join(run)
    questions = {entry.case.id: entries for entries in by_question(joined.cases) for entry in entries}
    return tuple(CaseRow(**_joined(joined, questions[entry.case.id], entry)) for entry in joined.cases)


def _joined(joined: Joined, question: list[MeasuredCase], entry: MeasuredCase) -> dict[str, Any]:
    m, time, bound_us = entry.measurement, joined.estimate(entry), joined.bound_us(entry)
    missing = joined.run.unmeasured(entry.case)
    return {
        **_facts(entry.case, m, time),
        **({} if m else {"status": missing.status, "reason": missing.reason}),
        "code": _code(joined.run, entry.case),
        "shared_with": entry.shared_with,
        "ratio": joined.against_first(question, entry) if m is not None and m.status is Status.OK else None,
        "bound_share": bound_us / time.value if bound_us and time else None,
        "samples": tuple((s.process, s.round, s.value_us) for s in entry.samples),
    }


def run_rows(run: Run) -> Iterator[RunRow]:
    """The cases that the run measured."""
    for m in run.measurements:
        row = run_row(m.case, m, estimate_of(run, m))
        yield msgspec.structs.replace(row, code=_code(run, m.case))


def _code(run: Run, case: Case) -> str:
    closure = run.closure_of(case)
    return closure.digest if closure else ""


def run_row(case: Case, measurement: Measurement | None = None, time: Estimate | None = None) -> RunRow:
    """One case. Without a measurement it is a planned one."""
    samples = measurement.samples if measurement else ()
    facts = _facts(case, measurement, time)
    return RunRow(**facts, samples=samples, estimate=time, samples_us=tuple(s.value_us for s in samples))


def _facts(case: Case, m: Measurement | None, time: Estimate | None) -> dict[str, Any]:
    """All fields except the samples and those that depend on other cases."""
    correctness, work = (m.correctness, m.work) if m else (None, None)
    same = ("correctness", "peak_memory_bytes", "first_token_us", "compile_s", "capture_s")
    return {
        "id": case.id,
        **{name: value for name, value in msgspec.structs.asdict(case).items() if name != "figure_unit"},
        "variant": case.answer.variant if case.answer else None,
        "tunables": case.answer.tunables if case.answer else {},
        "status": m.status.value if m else None,
        "reason": m.reason if m else case.problem or "",
        "unit": case.unit,
        "time": time,
        "tok_s": rate(time, tokens_per_time(case)) if time and _counts_tokens(case) else None,
        "gb_s": work.bytes / time.value / 1e3 if work and work.bytes and time else None,
        "bytes": work.bytes if work else None,
        "flop": work.flop if work else None,
        "rms_error": correctness.rms_error if correctness else None,
        "allowed_rms_error": correctness.allowed_rms_error if correctness else None,
        "timer": m.timer if m else "",
        "energy_j": joules(m) if m else None,
        "net_energy_j": joules(m, net=True) if m else None,
        "no_energy": m.no_energy if m else "",
        "code": "",
        "shared_with": "",
        "ratio": None,
        "bound_share": None,
        **{name: getattr(m, name, None) for name in same},
        "quality": m.quality if m else None,
        **{name: getattr(m and m.numerics, name, None) for name in ("determinism", "batch_invariance")},
    }


def _counts_tokens(case: Case) -> bool:
    return case.kind in ("decode", "prefill") or case.unit in ("us/token", "us/tok")


def tokens_per_time(case: Case) -> int:
    """Tokens that one timed step or pass generates or reads; a batch counts all of its sequences. A figure states its
    own."""
    if case.kind == "figure":
        return 1
    batch = int(case.axes.get("batch", 1))
    return batch if case.kind == "decode" else batch * int(case.axes.get("context", 1))


def plain_row(found: Measurement) -> dict[str, Any]:
    """For notebooks and lists: case, status and reason, and us with its interval; None if nothing was timed."""
    row = run_row(found.case, found, estimate(found.samples) if found.samples else None)
    names = {"us": "value", "low_us": "low", "high_us": "high", "confidence": "confidence"}
    return {
        "case": row.id, "status": row.status, "reason": row.reason,
        **{name: getattr(row.time, field, None) for name, field in names.items()},
        "n": row.time.n if row.time else 0, "variant": row.variant or "", "tunables": dict(row.tunables),
    }  # fmt: skip


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """The same, with the attempt's number, time, file, diagnosis, note and tags."""
    return {
        "try": attempt.number, "started": attempt.started, "file": attempt.file, **plain_row(attempt.measurement),
        "question": attempt.measurement.case.question,
        "pattern": attempt.diagnosis.pattern if attempt.diagnosis else "",
        "note": attempt.note, "tags": list(attempt.tags),
    }  # fmt: skip
