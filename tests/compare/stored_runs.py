"""Runs for the tests of comparing: every number is made up, drawn with a seed where noise is meant."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence

import msgspec

from harness.compare import StoredSide
from harness.store.migrate import with_suite_facts
from harness.values.case import Case, Implementation
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Status
from harness.values.run import Run

SUITE = """
suite: 1
title: Synthetic
model: tiny
weights: {dtype: int4, group: 32}
arms: {baseline: {int4_mm: a}, autotuned: {int4_mm: b}}
kernels: {ops: [int4_mm]}
compare: {gate: [decode, int4_mm, peak_memory], same_within_percent: 1}
"""

ENVIRONMENT = Environment(
    device_kind="cuda", device_name="NVIDIA H100 80GB HBM3", python="3.11.9", torch="2.13.0", cpu="synthetic CPU",
    cpu_cores=16, platform="Linux", device_uuid="GPU-1", driver="570.00", cuda="12.8", triton="3.7.1",
    power_limit_w=700.0, clocks_policy="default", commit="0123456789ab", method=1,
)  # fmt: skip


def kernel(site: str = "lm_head", arm: str = "baseline", op: str = "int4_mm", variant: str = "a") -> Case:
    return Case(
        "kernel", arm, "int4-g32/bfloat16", {"tokens": 1}, op=op, site=site, dims={"n": 64, "k": 32}, calls=1,
        answer=Implementation(variant),
    )  # fmt: skip


def decode(arm: str = "baseline", batch: int = 1) -> Case:
    return Case("decode", arm, "int4-g32/bfloat16", {"batch": batch, "context": 64}, engine="cuda_graph")


def measured(case: Case, medians: Sequence[float], peak: int | None = None) -> Measurement:
    """Three samples around the median of each process."""
    samples = [Sample(m * f, p, r) for p, m in enumerate(medians) for r, f in enumerate((0.999, 1.0, 1.001))]
    return Measurement(case, Status.OK, samples=tuple(samples), peak_memory_bytes=peak, source=f"text of {case.op}")


def noisy(rng: random.Random, us: float, processes: int = 8, spread: float = 0.003) -> list[float]:
    """Medians of fresh processes."""
    return [us * math.exp(rng.gauss(0, spread)) for _ in range(processes)]


def stored(
    *measurements: Measurement,
    run_id: str = "1",
    suite: str = SUITE,
    planned: Sequence[Case] | None = None,
    **fields: object,
) -> Run:
    """A complete run of these measurements, on ENVIRONMENT unless `environment` says another; the facts of its suite
    as they are read from its text."""
    key = hashlib.sha256(suite.encode()).hexdigest()
    run = Run(
        id=run_id, started=f"2026-01-0{run_id}T00:00:00+00:00", suite="synthetic", suite_hash=key, title="Synthetic",
        state="complete", processes=8, environment=ENVIRONMENT, measurements=measurements, sources={key: suite},
        planned=tuple(planned if planned is not None else (m.case for m in measurements)),
    )  # fmt: skip
    return msgspec.structs.replace(with_suite_facts(run), **fields)


def two_runs(
    times: Mapping[str, tuple[float, float]], *, processes: int = 8, seed: int = 1, spread: float = 0.003
) -> tuple[StoredSide, StoredSide]:
    """Base and head with kernel cases by site, each with its true us on either side."""
    rng = random.Random(seed)
    runs = []
    for side in (0, 1):
        cases = [measured(kernel(site), noisy(rng, us[side], processes, spread)) for site, us in times.items()]
        runs.append(StoredSide(stored(*cases, run_id=str(side + 1))))
    return runs[0], runs[1]
