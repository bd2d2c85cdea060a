"""The options of `harness compare BASE HEAD -- CMD`: which number of the program is compared."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.runner.live_sides import Program

Read = Annotated[
    str,
    typer.Option(help="With `-- CMD`. Source of its figure: wall, cpu, rss, regex, json or a benchmark format [wall]."),
]
At = Annotated[str, typer.Option(help="With --read: a pattern with one group, a JSON path or a benchmark's name.")]
Unit = Annotated[str, typer.Option(help="With --read regex, json: ns, us, ms, s; tok/s or another rate.")]
File = Annotated[str, typer.Option(help="With --read: a file that the program writes, instead of its output.")]
Setup = Annotated[str, typer.Option(help="With `-- CMD`: a command that prepares each checkout, such as a build.")]
TimeLimit = Annotated[float, typer.Option(min=0, help="With `-- CMD`: stop a run after this many seconds [600].")]


def program_of(
    words: list[str] | None, read: str, at: str, unit: str, file: str, setup: str, time_limit: float
) -> Program | None:
    """The program given after `--`, or None. Raises HarnessError for options without a program."""
    given = {"--read": read, "--at": at, "--unit": unit, "--file": file, "--setup": setup, "--time-limit": time_limit}
    if words is None:
        for name, value in given.items():
            if value:
                raise HarnessError(f"{name}: of a program; it stands behind `--`")
        return None
    if not words:
        raise HarnessError("--: no program; wanted `-- PROGRAM ARGUMENTS`")
    from harness.runner.live_sides import Program
    from harness.suite.outside import figure_of
    from harness.values.outside import OF_PROCESS, CommandEngine

    figure = figure_of(read or "wall", at, unit, file)
    name = figure.read if figure.read in OF_PROCESS else "figure"
    limit_s = time_limit or CommandEngine().timeout_s
    return Program(CommandEngine(shlex.join(words), {name: figure}, timeout_s=limit_s), setup)
