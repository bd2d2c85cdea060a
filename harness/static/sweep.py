"""The part of a suite's sweep that needs no GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.errors import HarnessError
from harness.static.carried import accept
from harness.static.pool import LIMIT_S, Compilation, available_cores
from harness.static.results import sources, toolchain
from harness.static.target import KNOWN, parse_target, present_target
from harness.suite.catalogue import kernels_of
from harness.values.static_sweep import StaticSweep
from harness.values.suite import Plan


def static_sweep(
    plan: Plan, *, target: str | None = None, jobs: int | None = None, limit_s: float = LIMIT_S,
    report: Callable[[str, str, int, int], None] | None = None,
) -> StaticSweep:  # fmt: skip
    """Compile every configuration of a `sweep_plan`.

    `target`: `sm_90`, `gfx942`; by default that of the GPU of this machine. `report`: as `runner.execute.Report`.
    Raises HarnessError where there is no target or no compiler.
    """
    start = time.perf_counter()
    suite, cases = plan.suite, plan.cases
    stage = parse_target(target or _present()).name
    if report is not None:
        report(stage, f"compiling {len(cases)} configurations", 0, 0)
    jobs, folder, root = jobs or available_cores(), suite.folder, Path(suite.kernels_root)
    compilation = Compilation(cases, stage, folder, jobs, limit_s, root=root, ops=suite.ops)
    for done, _ in enumerate(compilation, 1):
        if report is not None:
            report(stage, "compile", done, len(cases))
    wall_s = time.perf_counter() - start
    return StaticSweep(
        suite.name, stage, toolchain(stage), sources(cases, kernels_of(suite)), compilation.results, jobs, limit_s,
        wall_s,
    )  # fmt: skip


def carry(file: Path, plan: Plan) -> int:
    """Take over the pruned configurations of a static sweep of the same suite made elsewhere, for the GPU of this
    machine; see `carried`.
    """
    return accept(file, plan, _present())


def _present() -> str:
    found = present_target()
    if found is None:
        raise HarnessError(f"--target: no GPU here to take it from; allowed: {', '.join(KNOWN)}")
    return found
