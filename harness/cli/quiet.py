"""`--quiet`: only verdicts, summaries and errors. It may stand anywhere before `--`, and belongs to every command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar

OPTION = "--quiet"
_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


def option_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the option in front of the command, wherever it was given; those of a program behind `--` are
    its own."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = list(arguments[:end])
    if OPTION not in own:
        return list(arguments)
    return [OPTION, *(word for word in own if word != OPTION), *arguments[end:]]


def begin(quiet: bool) -> Callable[[], None]:
    """Keep the choice of a call. Return the function that forgets it, to call as it ends."""
    token = _QUIET.set(quiet)
    return lambda: _QUIET.reset(token)


def is_quiet() -> bool:
    """Whether the present call of the program has the option."""
    return _QUIET.get()


def remark(text: str) -> None:
    """Print a line on standard error that `--quiet` leaves out."""
    if not is_quiet():
        print(text, file=sys.stderr, flush=True)
