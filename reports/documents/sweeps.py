"""Configurations of a sweep, timed, or only compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.stats import estimate
from harness.values.binary import Binary
from harness.values.case import Tunables
from harness.values.compiled import Compiled
from harness.values.estimate import Estimate, Ratio
from harness.values.launch import Launch
from harness.values.static_sweep import StaticSweep
from harness.values.sweep import Configuration, Confirmed, Shipped, SweepResult, SweptVariant

from .encoding import extended, of, several, struct, text

_BINARY = {
    "binary": str | None, "registers": int | None, "spills": int | None, "stack_bytes": int | None,
    "shared_bytes": int | None, "instructions_per_weight": float | None, "load_bytes": int | None,
    "blocks_per_sm": int | None,
}  # fmt: skip
_PLACE = {"op": str | None, "site": str | None, "variant": str, "dims": dict[str, int], "tunables": Tunables}
_ROW = {"status": str, "reason": str, **_BINARY, "estimate": Estimate | None}
SweepRow = struct(
    "SweepRow", **_PLACE, dtype=str, **_ROW, stage=str, pruned=bool, same_as=Tunables | None,
    samples_us=tuple[float, ...],
)  # fmt: skip
CompiledRow = struct(
    "CompiledRow", **_PLACE, **_ROW, id=str, identity=str | None, launches=tuple[Launch, ...],
    binaries=tuple[Binary, ...], compile_s=float, stages_s=dict[str, float],
)  # fmt: skip
ConfirmedRow = struct(
    "ConfirmedRow", variant=str | None, tunables=Tunables, status=str, reason=str, estimate=Estimate | None,
    against_baseline=Ratio | None, p=float | None,
)  # fmt: skip
TopRow = struct(
    "TopRow", op=str, site=str, variant=str, dtype=str, dims=dict[str, int], trusted=bool | None, rms=float | None,
    search=str, left_out=int, winner=Tunables | None, confirmed=several(ConfirmedRow), baseline=ConfirmedRow | None,
    processes=int | None,
)  # fmt: skip
SweepDocument = extended(
    "SweepDocument", SweepResult, without=("run_id", "questions", "unwritten"), run=str, declared=int, distinct=int,
    pruned=int, timed=int, trusted=bool, configurations=several(SweepRow), top=several(TopRow),
    ship=dict[str, Shipped],
)  # fmt: skip
"""`sweep`: every configuration, and under `top` the confirmed choice of each question."""
CompiledDocument = extended(
    "CompiledDocument", StaticSweep, "declared", "distinct", "pruned", "failed", "cached", compile_only=bool, timed=int,
    gpu_busy_s=float, configurations=several(CompiledRow), top=several(TopRow),
)  # fmt: skip
"""`sweep --compile-only`: the keys of a sweep with nothing timed. `identity` is equal for configurations that do the
same work, and null if that cannot be told."""


def _binary(binary: Binary | None) -> dict[str, Any]:
    names = {"binary": "sha256", "spills": "spill_bytes"}
    return {key: getattr(binary, names.get(key, key), None) for key in _BINARY}


def sweep_text(result: SweepResult, shipped: Mapping[str, Shipped]) -> str:
    questions = result.questions
    rows = tuple(_swept(question, row) for question in questions for row in question.configurations)
    return text(of(
        SweepDocument, result, run=result.run_id, declared=len(rows), pruned=sum(row.pruned for row in rows),
        distinct=sum(question.distinct for question in questions), timed=sum(question.timed for question in questions),
        trusted=all(question.trusted is not False for question in questions), configurations=rows,
        top=tuple(map(_top, questions)), ship=dict(shipped),
    ))  # fmt: skip


def _swept(question: SweptVariant, row: Configuration) -> Any:
    timed = next((one for one in question.configurations if one.case.id == row.same_as), row)
    m = row.measurement
    return SweepRow(
        op=question.op, site=question.site, variant=question.variant, dtype=question.dtype, dims=question.dims,
        tunables=row.tunables, status=m.status.value, reason=m.reason, stage=row.stage, pruned=row.pruned,
        same_as=timed.tunables if row.same_as else None, **_binary(row.binary),
        estimate=estimate(timed.measurement.samples), samples_us=tuple(sample.value_us for sample in m.samples),
    )  # fmt: skip


def _top(question: SweptVariant) -> Any:
    finals = question.finals
    confirmed = finals.confirmed if finals else ()
    baseline = finals.baseline if finals else None
    winner = next((c for c in confirmed if finals and c.measurement.case.id == finals.winner), None)
    return of(
        TopRow, question, winner=winner.tunables if winner else None, confirmed=tuple(map(_confirmed, confirmed)),
        baseline=_confirmed(baseline) if baseline else None, processes=finals.processes if finals else None,
    )  # fmt: skip


def _confirmed(found: Confirmed) -> Any:
    m = found.measurement
    variant = m.case.answer.variant if m.case.answer else None
    return of(
        ConfirmedRow, found, variant=variant, status=m.status.value, reason=m.reason, estimate=estimate(m.samples)
    )


def compiled_text(found: StaticSweep) -> str:
    rows = tuple(map(_compiled, found.configurations))
    return text(of(CompiledDocument, found, compile_only=True, timed=0, gpu_busy_s=0.0, configurations=rows, top=()))


def _compiled(c: Compiled) -> Any:
    case, answer = c.case, c.case.answer
    assert answer is not None
    return of(
        CompiledRow, c, op=case.op, site=case.site, variant=answer.variant, dims=case.dims, tunables=answer.tunables,
        status=c.status.value, id=case.id, estimate=None, **_binary(c.main),
    )  # fmt: skip
