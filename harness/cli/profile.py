"""`harness profile`: where the decode time of a suite's arms goes, by category and kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Arms, AsJson, Note, Store, csv
from harness.engines import EAGER, ENGINES

if TYPE_CHECKING:
    from harness.values.run import Run


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    arms: Arms = "",
    engine: Annotated[
        str, typer.Option(help=f"Engines that run the steps, comma-separated: {', '.join(ENGINES)}.")
    ] = EAGER,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Decode steps that are recorded.")] = 8,
    keep_traces: Annotated[Path | None, typer.Option(help="Leave the profiler's traces in this folder.")] = None,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Profile decode steps of every arm; store the run and show it."""
    from harness.cli.execute import execute, finish
    from harness.runner.stage import Options

    options = Options(
        stages=("profile",),
        note=note,
        engines=_engines(csv(engine)),
        steps=steps,
        keep_traces=str(keep_traces) if keep_traces else None,
    )
    run, failed = execute(suite, csv(arms), "", options, store)
    try:
        finish(run, failed, as_json)
    finally:
        if not as_json:
            _show_sites(run)


def _show_sites(run: Run) -> None:
    from harness_reports.formats.console import show
    from harness_reports.formats.terminal_table import Titled
    from harness_reports.tables.op_work import op_work

    if run.environment:
        show(*(Titled(op_work(profile, run.environment)) for profile in run.profiles if profile.work))


def _engines(names: list[str]) -> tuple[str, ...]:
    from harness.errors import HarnessError, allowed

    for name in names:
        if name not in ENGINES:
            raise HarnessError(f"--engine: unknown engine {name}; {allowed(name, ENGINES)}")
    if not names:
        raise HarnessError(f"--engine: no engine; {allowed('', ENGINES)}")
    return tuple(dict.fromkeys(names))
