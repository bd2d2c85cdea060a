"""Commands that take a program and its arguments after `--`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

PROGRAM = "--"
"""Key of `ctx.meta` for the words after `--`, where there are any."""


class WithProgram(TyperCommand):
    """A command that takes the words after `--` as a program and its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if PROGRAM in args:
            at = args.index(PROGRAM)
            ctx.meta[PROGRAM] = args[at + 1 :]
            args = args[:at]
        return list(super().parse_args(ctx, args))
