"""`engine: command`: a fresh process of a program for each sample, and the figures that it prints or writes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.errors import CaseFailed
from harness.outside.engine import Found, Measuring, TimedOut
from harness.outside.figures import read_figure
from harness.outside.group import Group
from harness.values.case import AxisValue
from harness.values.outside import OF_PROCESS, CommandEngine


@contextmanager
def opened(settings: CommandEngine, folder: Path) -> Iterator[Measuring]:
    yield _Command(settings, folder)


class _Command:
    def __init__(self, settings: CommandEngine, folder: Path) -> None:
        self.settings, self.folder = settings, folder

    def measure(self, axes: Mapping[str, AxisValue], check: bool) -> Found:
        for _ in range(0 if check else self.settings.warmup):
            self._run()
        return self._run()

    def _run(self) -> Found:
        """One process, from its start to its end, and what it said."""
        words, figures = shlex.split(self.settings.run), self.settings.figures
        stamps = {figure.file: _stamp(self.folder / figure.file) for figure in figures.values() if figure.file}
        with Group(words, self.folder, self.settings.env) as program:
            reason = program.wait(self.settings.timeout_s)
            if reason:
                last = f"; its last line: {program.last_line}" if program.last_line else ""
                raise TimedOut(f"{words[0]}: {reason}, and was ended{last}")
            if program.ending:
                raise CaseFailed(f"{words[0]} {program.ending}")
            old = {name for name, stamp in stamps.items() if stamp and stamp == _stamp(self.folder / name)}
            return Found(
                {
                    name: f"{figure.file}: is of before this run" if figure.file in old else read_figure(
                        figure, program, self.folder
                    )
                    for name, figure in figures.items()
                },
                {name: figure.read if figure.read in OF_PROCESS else "program" for name, figure in figures.items()},
            )  # fmt: skip


def _stamp(file: Path) -> tuple[int, ...]:
    """Which file it is and when it was written; empty where there is none. A file of an earlier run is no figure."""
    try:
        facts = file.stat()
    except OSError:
        return ()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size
