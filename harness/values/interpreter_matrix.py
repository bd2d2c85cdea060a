"""One suite under several interpreters: a comparison for each of them with the first."""

from __future__ import annotations

import msgspec

from harness.errors import ExitStatus
from harness.values.difference import Difference
from harness.values.interpreter import Interpreter
from harness.values.verdict import Comparison

WORST_FIRST = (
    ExitStatus.USAGE,
    ExitStatus.NOT_COMPARABLE,
    ExitStatus.CASE_FAILED,
    ExitStatus.REGRESSION,
    ExitStatus.UNDECIDED,
)


class Beside(msgspec.Struct, frozen=True):
    """One interpreter beside the base.

    under_test: The packages that differ, the base's version first.
    comparison: None if it could not be made; then `problem` and `status` say why.
    """

    interpreter: Interpreter
    under_test: tuple[Difference, ...]
    comparison: Comparison | None = None
    problem: str = ""
    status: ExitStatus = ExitStatus.OK


class InterpreterMatrix(msgspec.Struct, frozen=True):
    """The same questions under several interpreters, each compared with the first in pairs of its own."""

    base: Interpreter
    others: tuple[Beside, ...]

    @property
    def exit_status(self) -> ExitStatus:
        """The worst of all comparisons."""
        found = {one.comparison.exit_status if one.comparison else one.status for one in self.others}
        return next((status for status in WORST_FIRST if status in found), ExitStatus.OK)

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each other interpreter: its first difference (`triton 3.7.1`), or its path where two share it."""
        short = [f"{one.under_test[0].field} {one.under_test[0].head}" if one.under_test else "" for one in self.others]
        return tuple(
            name if name and short.count(name) == 1 else one.interpreter.python
            for name, one in zip(short, self.others, strict=True)
        )
