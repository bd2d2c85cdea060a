"""`harness record -- script.py`: the calls of a running program, as op files to try, sweep and compare."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import csv
from harness.cli.words_after import PROGRAM
from harness.errors import ExitStatus, HarnessError

if TYPE_CHECKING:
    from harness.values.recorded import Recorded


def command(
    ctx: typer.Context,
    modules: Annotated[
        str, typer.Option("--modules", help="Modules to record: class names or paths, comma-separated, `*.mlp`.")
    ] = "",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the op files and their suite.")] = Path(
        "recorded"
    ),
    after: Annotated[int, typer.Option(min=0, help="Steps of the program to skip first.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Steps to record.")] = 4,
    every: Annotated[int, typer.Option(min=1, help="Record one step in this many.")] = 16,
    range_: Annotated[str, typer.Option("--range", help="A `record_function`; each call is a step.")] = "",
    samples: Annotated[int, typer.Option(min=0, help="Calls of each case whose tensors are kept.")] = 2,
    megabytes: Annotated[int, typer.Option(min=0, help="Most megabytes of tensors to keep in all.")] = 256,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Record a program's kernel and module calls as op files. Records Triton launches, custom ops and the chosen
    modules."""
    if PROGRAM not in ctx.meta:
        raise HarnessError("nothing to record; wanted `harness record -- script.py ARGUMENTS`")
    from harness.programs.place import this_place
    from harness.programs.record import record_program
    from harness.programs.told import Calls
    from harness.programs.window import Window
    from harness.programs.words import python_program

    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise HarnessError("a program is recorded in one process, and this is a rank of several; record it alone")
    calls = Calls(tuple(csv(modules)), samples, megabytes, every)
    place = this_place(Path(".harness").resolve() / "recording", {})
    program = python_program(ctx.meta[PROGRAM])
    found, refused, ended = record_program(program, place, Window(after, steps, range_), calls, out, force)
    _show(found, refused, out)
    if ended.interrupted:
        raise typer.Exit(ExitStatus.INTERRUPTED)
    if ended.status:
        print(f"failed: {program.name} ended with status {ended.shell_status}", file=sys.stderr)
        raise typer.Exit(ended.shell_status)
    if len(refused) == len(found.ops):
        raise typer.Exit(ExitStatus.CASE_FAILED)


def _show(found: Recorded, refused: dict[str, str], out: Path) -> None:
    steps = (
        f"{found.steps} steps among the first {found.seen}" if found.steps else "the whole program, which has no steps"
    )
    print(f"recorded: {steps}")
    for op in found.ops:
        calls = sum(case.calls for case in op.cases)
        each = f"{calls / found.steps:g} calls a step" if found.steps else f"{calls} calls"
        shown = f"not written: {refused[op.name]}" if op.name in refused else str(out / f"{op.name}.py")
        print(f"{op.kind:7} {op.called}: {len(op.cases)} cases, {each} · {shown}")
    for name, count in found.uncounted.items():
        print(f"        {name}: {count} more calls were not recorded")
    if len(refused) < len(found.ops):
        first = next(op for op in found.ops if op.name not in refused)
        print(f"next    harness try {out / first.name}.py --dtype {first.dtype}")
