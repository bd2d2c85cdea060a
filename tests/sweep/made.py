"""Configurations and measurements that were never measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.values.case import Case, Implementation
from harness.values.measurement import Measurement, Sample, Status
from harness.values.sweep import Configuration, Confirmed, Finals, SweptVariant

DIMS = {"tokens": 1, "n": 64, "k": 128, "group": 32}


def case(**tunables: Any) -> Case:
    return Case(
        "kernel", "sweep", "int4-g32/bfloat16", {"tokens": 1}, op="int4_mm", site="main", dims=DIMS,
        answer=Implementation("v", tunables, "sweep"), tunables_in_id=True,
    )  # fmt: skip


def measured(of: Case, medians_us: Sequence[float]) -> Measurement:
    """One sample a process."""
    samples = tuple(Sample(value, process, 0) for process, value in enumerate(medians_us, 1))
    return Measurement(of, Status.OK, samples=samples, source="s", timer="fake")


def row(
    us: float | None, stage: str = "first", same_as: str | None = None, identity: str | None = None, **t: Any
) -> Configuration:
    """With five equal samples, or without any."""
    m = measured(case(**t), [us] * 5) if us is not None else Measurement(case(**t), Status.OK)
    return Configuration(f"key {t}", m, identity, same_as, None, stage)


def question(rows: Sequence[Configuration], finals: Finals | None = None) -> SweptVariant:
    return SweptVariant("int4_mm", "main", "v", "int4-g32/bfloat16", DIMS, tuple(rows), finals, None, None)


def finals(confirmed: Sequence[Confirmed], baseline: Confirmed | None, winner: str | None) -> Finals:
    return Finals((), tuple(confirmed), baseline, winner, 4)
