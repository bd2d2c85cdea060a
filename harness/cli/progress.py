"""The progress of a run on standard error: a bar on a terminal, a line per stage elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from harness.cli.quiet import is_quiet, remark
from harness.cli.remaining import Remaining

PER_CASE = ("verify", "capture", "check", "compile")
"""Steps that are too many for a line each."""
OF_EQUAL_PARTS = ("configurations",)
"""Steps with parts of about equal duration, whose rate and remaining time can be estimated."""
EVERY_S = 5.0
"""Seconds between two progress lines of one step, where there is no bar: a sweep has hundreds of configurations."""


class RunProgress:
    """A callback for the stage, the work in it, cases done and their total; see `runner.execute.Report`."""

    def __init__(self, stages: bool = True) -> None:
        """stages: print a line for each, where there is no bar; False where many processes repeat the same stages."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._stages, self._last, self._step, self._said = stages, "", "", 0.0
        self._remaining = Remaining()
        self._quiet = is_quiet()
        self._bar: Any = None
        self._task: Any = None
        if self._console.is_terminal and not self._quiet:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[cases]}"),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)

    def __enter__(self) -> RunProgress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("start", total=None, cases="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        if self._bar is not None:
            self._console.print(text, markup=False, highlight=False)
        else:
            remark(text)

    def __call__(self, stage: str, what: str, done: int, of: int) -> None:
        if self._quiet:
            return
        step = f"{stage}: {what}"
        left = self._remaining.words(step, done, of, time.monotonic()) if what in OF_EQUAL_PARTS else ""
        text = f"{step}{left}"
        if self._bar is not None:
            cases = f"{done}/{of} cases" if of else ""
            self._bar.update(self._task, description=text, completed=done, total=of or None, cases=cases)
        elif self._stages and what not in PER_CASE:
            self._line(step, text, f"{done}/{of} cases done" if of else "")

    def _line(self, step: str, text: str, done: str) -> None:
        """Print a line for a new step, and the progress of the same step every few seconds."""
        line = f"{text} ({done})" if done else text
        if line == self._last or (step == self._step and time.monotonic() < self._said + EVERY_S):
            return
        print(line, file=sys.stderr, flush=True)
        self._last, self._step, self._said = line, step, time.monotonic()
