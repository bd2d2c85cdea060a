"""The part that `run`, `profile` and `sweep` share: execute a suite with progress, show the stored run, end with its
status."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import typer

from harness.cli.progress import RunProgress
from harness.cli.quiet import is_quiet, remark
from harness.errors import CaseFailed, ExitStatus, HarnessError
from harness.plain_text import visible
from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.environment import Environment
from harness.values.run import Run
from harness.values.suite import Plan
from harness.worker.launch import Ahead


def execute(
    path: Path, arms: Sequence[str], match: str, options: Options, location: str, ahead: Ahead | None = None
) -> tuple[Run, dict[str, str]]:
    """Run a suite; return the stored run and the reason of each case that failed, by id. Raises HarnessError for an
    outside engine with other stages than figures."""
    suite = load_suite(path)
    if suite.is_outside(arms or suite.arms) and "figures" not in options.stages:
        asked = f"{path}: its engine is an external program, of which only figures are measured"
        raise HarnessError(f"{asked}; a Python program is profiled by `harness profile -- script.py`")
    planned = partial(expand, suite, arms=list(arms) or None, match=match or None)
    planned()  # an empty filter or unknown arm is said before torch loads

    def make_plan(environment: Environment) -> Plan:
        return planned(device_slug=environment.slug, triton=environment.triton)

    store = Store(location)
    with RunProgress() as progress:
        execution = Execution(suite, make_plan, store, options, progress, ahead)
        try:
            run_id = execution.run()
        except KeyboardInterrupt:
            kept = (
                f"run {execution.record.run_id} is kept as partial"
                if execution.record.run_id
                else "nothing was measured"
            )
            print(f"interrupted; {kept}", file=sys.stderr)
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
        except HarnessError as error:
            if execution.record.run_id:
                error.args = (f"{error}; the results so far are kept as run {execution.record.run_id}",)
            raise
    for text in execution.record.log:
        remark(text)
    return store.load(run_id), execution.record.failures


def finish(run: Run, failed: dict[str, str], as_json: bool) -> None:
    """Show a run on standard output and end the command: status 5 where a case failed or was incorrect, or where
    nothing was measured."""
    if as_json:
        from harness_reports.documents.runs import run_text

        print(run_text(run))
    else:
        from harness_reports.formats.console import show
        from harness_reports.pages.terminal import render, summary
        from harness_reports.views.view import build

        show((summary if is_quiet() else render)(build(run)))
    end(failed)
    refuse_empty(run)


def refuse_empty(run: Run) -> None:
    """End the command with status 5 where nothing was measured. Raises CaseFailed for such a run."""
    if run.nothing_measured:
        raise CaseFailed(f"nothing was measured: {run.nothing_measured}")


def end(failed: Mapping[str, str]) -> None:
    """List the failed cases on standard error, and end the command with status 5 if there are any."""
    for case, reason in failed.items():
        print(visible(f"failed: {case}: {reason}"), file=sys.stderr)
    if failed:
        raise typer.Exit(ExitStatus.CASE_FAILED)
