"""The progress of a run on standard error: a bar on a terminal, a line per stage elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

PER_CASE = ("verify", "capture", "check", "compile")
"""Steps that are too many for a line each."""
OF_EQUAL_PARTS = ("configurations",)
"""Steps with parts of about equal duration, for which the remaining time can be estimated."""
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
        self._part, self._began_s, self._done = "", 0.0, 0
        self._bar: Any = None
        self._task: Any = None
        if self._console.is_terminal:
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
            print(text, file=sys.stderr, flush=True)

    def __call__(self, stage: str, what: str, done: int, of: int) -> None:
        step = f"{stage}: {what}"
        text = f"{step}{self._left(step, done, of)}" if what in OF_EQUAL_PARTS else step
        if self._bar is not None:
            cases = f"{done}/{of} cases" if of else ""
            self._bar.update(self._task, description=text, completed=done, total=of or None, cases=cases)
        elif self._stages and what not in PER_CASE:
            self._line(step, text, f"{done}/{of} cases done" if of else "")

    def _left(self, step: str, done: int, of: int) -> str:
        """`, 40 s left`, estimated from the parts done since the step began."""
        now_s = time.monotonic()
        if step != self._part:
            self._part, self._began_s, self._done = step, now_s, done
        seen = done - self._done
        return f", {(now_s - self._began_s) / seen * (of - done):.0f} s left" if seen > 0 else ""

    def _line(self, step: str, text: str, done: str) -> None:
        """Print a line for a new step, and the progress of the same step every few seconds."""
        line = f"{text} ({done})" if done else text
        if line == self._last or (step == self._step and time.monotonic() < self._said + EVERY_S):
            return
        print(line, file=sys.stderr, flush=True)
        self._last, self._step, self._said = line, step, time.monotonic()
