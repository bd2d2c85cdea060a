"""Errors that a user can act on, and the exit status of each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """If several apply, the first in this order: 2, 4, 5, 1, 3, 0."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    UNDECIDED = 3
    NOT_COMPARABLE = 4
    CASE_FAILED = 5
    FAULT = 70
    """A fault of this program, with its traceback: sysexits' EX_SOFTWARE, so that CI does not take it for a
    regression."""
    INTERRUPTED = 130
    """^C or SIGTERM: 128 + SIGINT, the convention of shells. It is not in the table, since there is no result."""


class HarnessError(Exception):
    """One line with the problem, its place and the allowed values. Printed without a traceback; `exit_status` ends the
    command."""

    exit_status = ExitStatus.USAGE


class NotComparable(HarnessError):
    """Two runs that differ in more conditions than the one under test."""

    exit_status = ExitStatus.NOT_COMPARABLE


class CaseFailed(HarnessError):
    """The command was right, but something that it had to run failed."""

    exit_status = ExitStatus.CASE_FAILED


class StoreFailed(HarnessError):
    """A store that cannot be opened, read or written: nothing that was being measured is at fault."""


def allowed(name: str, names: Iterable[str]) -> str:
    """The end of an error line: the allowed names, and the nearest match if there is one."""
    known = sorted(set(names))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"allowed: {', '.join(known) or 'nothing'}{hint}"
