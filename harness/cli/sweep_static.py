"""`harness sweep --compile-only`: the part of a sweep that needs no GPU."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from harness.values.suite import Plan


def compile_only(
    plan: Plan, target: str, jobs: int, limit_s: float, allow_failure: bool, as_json: bool, emit: str
) -> None:
    """Compile every configuration and show the result; end with status 5 where one FAILED or none compiled."""
    from harness.cli.progress import RunProgress
    from harness.errors import ExitStatus
    from harness.static.pool import LIMIT_S
    from harness.static.sweep import static_sweep

    with RunProgress() as progress:
        found = static_sweep(
            plan, target=target or None, jobs=jobs or None, limit_s=limit_s or LIMIT_S, report=progress
        )
    if emit:
        from harness.suite.catalogue import kernels_of
        from harness.sweep.emit import emitted_compiled

        print(emitted_compiled(found, emit, kernels_of(plan.suite)))
        print(f"compiled for {found.target} and not timed: the order is the space's", file=sys.stderr)
    elif as_json:
        from harness_reports.documents.sweeps import compiled_text

        print(compiled_text(found))
    else:
        from harness_reports.formats.console import show
        from harness_reports.pages.sweep import render_compiled

        show(render_compiled(found))
    if not found.failed and found.distinct:
        return
    if not allow_failure:
        raise typer.Exit(ExitStatus.CASE_FAILED)
    print(f"FAILED, allowed by --allow-failure: exit status {int(ExitStatus.CASE_FAILED)} became 0", file=sys.stderr)
