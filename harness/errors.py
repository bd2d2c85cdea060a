"""Errors that a user can act on, and the exit status of each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """In this precedence when several apply: 2, 4, 5, 1, 3, 0."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    UNDECIDED = 3
    NOT_COMPARABLE = 4
    CASE_FAILED = 5
    FAULT = 70
    """A fault of this program, with its traceback: sysexits' EX_SOFTWARE, so that CI takes it for no regression."""
    INTERRUPTED = 130
    """^C or SIGTERM: 128 + SIGINT, as shells have it; no status of the table, since nothing was found out."""


class HarnessError(Exception):
    """One line: what, where, what is allowed. Printed without a traceback; `exit_status` ends the command."""

    exit_status = ExitStatus.USAGE


class NotComparable(HarnessError):
    """Two runs whose conditions differ in more than what is under test."""

    exit_status = ExitStatus.NOT_COMPARABLE


class CaseFailed(HarnessError):
    """The command was right, but something that it had to run failed."""

    exit_status = ExitStatus.CASE_FAILED


def allowed(name: str, names: Iterable[str]) -> str:
    """The end of an error line: what is allowed, and the nearest match where there is one."""
    known = sorted(set(names))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"allowed: {', '.join(known) or 'nothing'}{hint}"
