"""`harness profile`: time of a suite's decode, or of a program, by category and kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Arms, AsJson, Note, Store, csv, refuse
from harness.cli.profile_program import profile_program, refuse_ranks
from harness.cli.words_after import PROGRAM
from harness.engines import EAGER, ENGINES
from harness.errors import HarnessError, allowed

if TYPE_CHECKING:
    from harness.values.run import Run

STEPS = 8


def command(
    ctx: typer.Context,
    suite: Annotated[
        Path | None, typer.Argument(help="Suite file (YAML); or, after `--`, a Python program and its arguments.")
    ] = None,
    arms: Arms = "",
    engine: Annotated[
        str, typer.Option(help=f"Engines that run the steps, comma-separated: {', '.join(ENGINES)}.")
    ] = EAGER,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help=f"Decode steps to record [{STEPS}]; of a program: default all to its end."),
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Steps of a program to skip first.")] = 0,
    range_: Annotated[str, typer.Option("--range", help="A `record_function` of a program; each call is a step.")] = "",
    signal: Annotated[
        str, typer.Option(help="Record a program between two of these signals (USR2).", metavar="NAME")
    ] = "",
    keep_traces: Annotated[Path | None, typer.Option(help="Keep the profiler's traces in this folder.")] = None,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Profile the steps of every arm, or a program after `--`."""
    if PROGRAM in ctx.meta:
        from harness.programs.window import window

        refuse("of a suite; a program stands behind `--`", suite=suite, arms=arms, engine=engine != EAGER)
        part = window(after, steps or 0, range_, signal)
        profile_program(ctx.meta[PROGRAM], part, keep_traces, note, store, as_json)
        return
    refuse("of a program behind `--`", after=after, range=range_, signal=signal)
    if suite is None:
        raise HarnessError("nothing to profile; wanted a suite file, or `-- script.py ARGUMENTS`")
    refuse_ranks()
    from harness.cli.execute import execute, finish
    from harness.runner.stage import Options

    options = Options(
        stages=("profile",),
        note=note,
        engines=_engines(csv(engine)),
        steps=steps or STEPS,
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
    for name in names:
        if name not in ENGINES:
            raise HarnessError(f"--engine: unknown engine {name}; {allowed(name, ENGINES)}")
    if not names:
        raise HarnessError(f"--engine: no engine; {allowed('', ENGINES)}")
    return tuple(dict.fromkeys(names))
