"""The sweep of a suite up to where a GPU would be needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.plan import sweep_plan
from harness.static.carried import accept
from harness.static.pool import LIMIT_S, available_cores, compile_cases
from harness.static.results import sources, toolchain
from harness.static.target import LIMITS, parse_target, present_target
from harness.suite.load import load_suite
from harness.values.compiled import Compiled
from harness.values.static_sweep import StaticSweep


def static_sweep(
    path: Path, *, match: str | None = None, tokens: Sequence[int] = (1,), target: str | None = None,
    jobs: int | None = None, limit_s: float = LIMIT_S, report: Callable[[str, str, int, int], None] | None = None,
) -> StaticSweep:  # fmt: skip
    """Every configuration of the suite's sweep compiled, at each number of tokens a call.

    target: `sm_90`; left out, of the GPU that is here. report: as `runner.execute.Report`. Raises HarnessError for an
    unusable suite, no target or no compiler.
    """
    start = time.perf_counter()
    suite = load_suite(path)
    cases = sweep_plan(suite, match=match, tokens=tokens).cases
    capability = parse_target(target or _present())
    done: list[Compiled] = []
    stage = f"sm_{capability}"
    if report is not None:
        report(stage, f"compiling {len(cases)} configurations", 0, 0)

    def told(compiled: Compiled) -> None:
        done.append(compiled)
        if report is not None:
            report(stage, "compile", len(done), len(cases))

    jobs = jobs or available_cores()
    found = compile_cases(
        cases, f"sm_{capability}", Path(suite.path).parent, jobs=jobs, limit_s=limit_s, on_result=told
    )
    wall_s = time.perf_counter() - start
    return StaticSweep(
        suite.name, f"sm_{capability}", toolchain(capability), sources(cases, Path(suite.path).parent), found, jobs,
        limit_s, wall_s,
    )  # fmt: skip


def carry(file: Path, path: Path, *, match: str | None = None, tokens: Sequence[int] = (1,)) -> int:
    """Takes over what a static sweep of the same suite pruned elsewhere, for the GPU that is here; see `carried`."""
    suite = load_suite(path)
    cases = sweep_plan(suite, match=match, tokens=tokens).cases
    return accept(file, cases, _present(), Path(suite.path).parent)


def _present() -> str:
    found = present_target()
    if found is None:
        raise HarnessError(f"--target: no GPU here to take it from; allowed: {', '.join(f'sm_{c}' for c in LIMITS)}")
    return found
