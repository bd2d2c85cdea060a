"""The progress of a run on standard error: a bar on a terminal, a line per stage elsewhere."""

from __future__ import annotations

import re
import sys
import time
from types import TracebackType
from typing import Any

PER_CASE = ("verify", "capture", "check", "compile")
"""Steps that are too many for a line each."""
TIME_LEFT = r", \d+ s left$"
EVERY_S = 5.0
"""Between two lines of how far one step has come, where there is no bar: a sweep has hundreds of configurations."""


class RunProgress:
    """Called with stage, what is being done, cases done and of how many; see `runner.execute.Report`."""

    def __init__(self, stages: bool = True) -> None:
        """stages: a line for each, where there is no bar; not, where many processes do the same again and again."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._stages, self._last, self._step, self._said = stages, "", "", 0.0
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
        """A line that stays, above the bar."""
        if self._bar is not None:
            self._console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def __call__(self, stage: str, what: str, done: int, of: int) -> None:
        if self._bar is not None:
            cases = f"{done}/{of} cases" if of else ""
            self._bar.update(self._task, description=f"{stage}: {what}", completed=done, total=of or None, cases=cases)
        elif self._stages and what not in PER_CASE:
            step = f"{stage}: {re.sub(TIME_LEFT, '', what)}"
            self._line(step, f"{stage}: {what}", f"{done}/{of} cases done" if of else "")

    def _line(self, step: str, text: str, done: str) -> None:
        """A line for what is new; how far the same step has come every few seconds."""
        line = f"{text} ({done})" if done else text
        if line == self._last or (step == self._step and time.monotonic() < self._said + EVERY_S):
            return
        print(line, file=sys.stderr, flush=True)
        self._last, self._step, self._said = line, step, time.monotonic()
