"""A sweep: every configuration of a space is a case of its own; the fastest correct one goes into the tuned file.

The times of a sweep choose, they do not report: the fastest of many is flattered by luck. What a choice brings is
measured afterwards by a run of the arm that reads the tuned file.
"""

from __future__ import annotations

import time
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from harness import kernels_root
from harness.errors import CaseFailed
from harness.plan import sweep_plan
from harness.runner.execute import Execution, Options, Report
from harness.stats import estimate
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.case import Tunables
from harness.values.environment import Environment
from harness.values.estimate import Estimate
from harness.values.measurement import Measurement, Status


class Configuration(msgspec.Struct, frozen=True):
    """One row: a configuration at a site, with its estimate in us where it is correct."""

    op: str
    site: str
    variant: str
    dims: dict[str, int]
    tunables: Tunables
    status: Status
    reason: str
    estimate: Estimate | None
    source: str | None


class SweepResult(msgspec.Struct, frozen=True):
    """configurations: all, fastest first within each op and site. chosen: the first of each. written: the tuned
    files."""

    run_id: str
    suite: str
    environment: Environment
    configurations: tuple[Configuration, ...]
    chosen: tuple[Configuration, ...]
    written: tuple[str, ...]
    wall_s: float

    @property
    def declared(self) -> int:
        return len(self.configurations)

    @property
    def timed(self) -> int:
        return sum(c.estimate is not None for c in self.configurations)


def sweep(path: Path, match: str | None, rounds: int | None, note: str, store: Store, report: Report) -> SweepResult:
    """Runs the suite's sweep space (`match`: of those case ids only) and writes the tuned files.

    Raises CaseFailed where no configuration at all could be timed; every configuration is in the store all the same.
    """
    start = time.perf_counter()
    suite = load_suite(path)
    plan = sweep_plan(suite, match=match)
    options = Options(stages=("kernels",), rounds=rounds, note=note or "sweep")
    execution = Execution(suite, lambda _: plan, store, options, report)
    run = store.load(execution.run())
    assert run.environment is not None
    rows = sorted((_row(m) for m in run.measurements), key=_order)
    chosen = [next(group) for _, group in groupby(rows, key=_question)]
    chosen = [row for row in chosen if row.estimate is not None]
    if not chosen:
        reasons = "; ".join(dict.fromkeys(row.reason for row in rows))[:300]
        raise CaseFailed(f"{path}: sweep: none of {len(rows)} configurations could be timed: {reasons}")
    written = [str(_write(row, run.environment, Path(suite.path).parent)) for row in chosen]
    return SweepResult(
        run.id,
        suite.name,
        run.environment,
        tuple(rows),
        tuple(chosen),
        tuple(dict.fromkeys(written)),
        time.perf_counter() - start,
    )


def _row(measurement: Measurement) -> Configuration:
    case = measurement.case
    assert case.op is not None and case.site is not None and case.answer is not None
    found = estimate(measurement.samples) if measurement.samples else None
    return Configuration(
        case.op, case.site, case.answer.variant, case.dims, case.answer.tunables,
        measurement.status, measurement.reason, found, measurement.source,
    )  # fmt: skip


def _question(row: Configuration) -> tuple[Any, ...]:
    return (row.op, row.variant, row.site, sorted(row.dims.items()))


def _order(row: Configuration) -> tuple[Any, ...]:
    value = row.estimate.value if row.estimate else float("inf")
    return (*_question(row), value, sorted((name, str(v)) for name, v in row.tunables.items()))


def _write(row: Configuration, environment: Environment, suite_folder: Path) -> Path:
    tuned = kernels_root.tuned_module()
    assert row.estimate is not None
    path: Path = tuned.write(
        op=row.op, variant=row.variant, device=environment.slug, dims=row.dims, source_hash=row.source,
        triton=environment.triton, tunables=row.tunables, us=row.estimate.value, suite_folder=suite_folder,
    )  # fmt: skip
    return path
