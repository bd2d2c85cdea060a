"""The JSON of a sweep that scripts rely on, and its table as CSV: versioned, more keys may be added beside these."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from harness.cli.binary_json import columns
from harness.stats import estimate
from harness.values.case import Tunables
from harness.values.sweep import Configuration, Confirmed, Question, SweepResult

SCHEMA = 1


def sweep_as_json(result: SweepResult, shipped: dict[str, Any] | None = None) -> str:
    """Counts, times, every configuration, and per question the choice as it was confirmed under `top`."""
    rows = [row for question in result.questions for row in _configurations(question)]
    document = {
        "schema": SCHEMA,
        "run": result.run_id,
        "suite": result.suite,
        "environment": result.environment,
        "declared": len(rows),
        "distinct": sum(question.distinct for question in result.questions),
        "pruned": sum(row.pruned for row in result.configurations),
        "timed": sum(question.timed for question in result.questions),
        "reused": result.reused,
        "wall_s": result.wall_s,
        "compile_s": result.compile_s,
        "gpu_busy_s": result.gpu_busy_s,
        "stages_s": result.stages_s,
        "trusted": all(question.trusted is not False for question in result.questions),
        "configurations": rows,
        "top": [_top(question) for question in result.questions],
        "ship": shipped or {},
        "warnings": result.warnings,
        "written": result.written,
    }
    return msgspec.json.encode(document).decode()


def _place(question: Question) -> dict[str, Any]:
    return {
        "op": question.op, "site": question.site, "variant": question.variant, "dtype": question.dtype,
        "dims": question.dims,
    }  # fmt: skip


def _configurations(question: Question) -> list[dict[str, Any]]:
    by_id = {row.case.id: row for row in question.configurations}
    return [_configuration(question, row, by_id.get(row.same_as or "", row)) for row in question.configurations]


def _configuration(question: Question, row: Configuration, timed: Configuration) -> dict[str, Any]:
    """timed: the one whose time it has, itself but for a duplicate."""
    m = row.measurement
    return {
        **_place(question),
        "tunables": row.tunables,
        "status": m.status.value,
        "reason": m.reason,
        "stage": row.stage,
        "pruned": row.pruned,
        "same_as": timed.tunables if row.same_as else None,
        **columns(row.binary),
        "estimate": estimate(timed.measurement.samples),
        "samples_us": [sample.value_us for sample in m.samples],
    }


def _top(question: Question) -> dict[str, Any]:
    finals = question.finals
    found: dict[str, Any] = {
        **_place(question), "trusted": question.trusted, "rms": question.rms, "winner": None, "confirmed": [],
        "baseline": None,
    }  # fmt: skip
    if finals is None:
        return found
    winner = next((c for c in finals.confirmed if c.measurement.case.id == finals.winner), None)
    return found | {
        "winner": winner.tunables if winner else None,
        "confirmed": [_confirmed(c) for c in finals.confirmed],
        "baseline": _confirmed(finals.baseline) if finals.baseline else None,
        "processes": finals.processes,
    }


def _confirmed(confirmed: Confirmed) -> dict[str, Any]:
    m = confirmed.measurement
    return {
        "variant": m.case.answer.variant if m.case.answer else None, "tunables": confirmed.tunables,
        "status": m.status.value, "reason": m.reason, "estimate": estimate(m.samples),
        "against_baseline": confirmed.against_baseline, "p": confirmed.p,
    }  # fmt: skip


CSV_COLUMNS = (
    "op", "site", "variant", "tunables", "status", "reason", "stage", "pruned", "same_as", "us", "low_us", "high_us",
    "n", "registers", "spills", "shared_bytes", "instructions_per_weight", "load_bytes", "blocks_per_sm", "binary",
)  # fmt: skip


def sweep_as_csv(result: SweepResult) -> str:
    """One line a configuration; times with their interval; a duplicate has the time of what it is the same as."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for question in result.questions:
        for line in _configurations(question):
            found = line["estimate"]
            times = {"us": found.value, "low_us": found.low, "high_us": found.high, "n": found.n} if found else {}
            same = named(line["same_as"]) if line["same_as"] else ""
            writer.writerow({**line, **times, "tunables": named(line["tunables"]), "same_as": same})
    return text.getvalue()


def named(tunables: Tunables) -> str:
    """`block_n=8 num_warps=2`."""
    return " ".join(f"{name}={value}" for name, value in tunables.items())
