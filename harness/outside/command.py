"""`engine: command`: a fresh process of a program for each sample, and the figures that it prints or writes."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from harness.outside.engine import Found, Measuring, run_to_its_end
from harness.outside.figures import read_figure
from harness.outside.group import Group
from harness.values.case import AxisValue
from harness.values.outside import OF_PROCESS, CommandEngine, Figure

MOST_RUNS = 25
"""Most runs of a program for one sample."""


@contextmanager
def opened(settings: CommandEngine, folder: Path) -> Iterator[Measuring]:
    yield _Command(settings, folder)


class _Command:
    def __init__(self, settings: CommandEngine, folder: Path) -> None:
        self.settings, self.folder = settings, folder

    def measure(self, axes: Mapping[str, AxisValue], check: bool) -> Found:
        """Run the program once, or several times where it is short and timed from here. One process of 0.1 s measures
        the core and the clock that it met as much as itself: a spread of 10 to 20 % was seen on an idle machine."""
        for _ in range(0 if check else self.settings.warmup):
            self._run()
        begin = time.perf_counter()
        runs = [self._run()]
        while not check and self.settings.times and len(runs) < MOST_RUNS:
            if time.perf_counter() - begin >= self.settings.repeat_s:
                break
            runs.append(self._run())
        values = {name: _together([run.values[name] for run in runs]) for name in self.settings.figures}
        done = len(runs) + (0 if check else self.settings.warmup)
        return msgspec.structs.replace(runs[-1], values=values, work=(next(iter(values)), done))

    def _run(self) -> Found:
        """One process, from its start to its end, with its output and figures."""
        words, figures = shlex.split(self.settings.run), self.settings.figures
        for name in {figure.file for figure in figures.values() if figure.file}:
            _age(self.folder / name)
        with Group(words, self.folder, self.settings.env) as program:
            run_to_its_end(program, words[0], self.settings.timeout_s)
            return Found(
                {name: self._value(figure, program) for name, figure in figures.items()},
                {name: figure.read if figure.read in OF_PROCESS else "program" for name, figure in figures.items()},
            )

    def _value(self, figure: Figure, program: Group) -> list[float] | str:
        if figure.file and _is_old(self.folder / figure.file):
            return f"{figure.file}: was written before this run"
        return read_figure(figure, program, self.folder)


def _together(values: Sequence[list[float] | str]) -> list[float] | str:
    """The values of all runs; the reason of the first run without any."""
    found: list[float] = []
    for one in values:
        if isinstance(one, str):
            return one
        found += one
    return found


def _age(file: Path) -> None:
    """Set the file of an earlier run to the oldest possible time: clocks of file systems are too coarse to separate two
    short runs."""
    with suppress(OSError):
        os.utime(file, ns=(0, 0))


def _is_old(file: Path) -> bool:
    """Whether no run has written the file since."""
    try:
        return file.stat().st_mtime_ns == 0
    except OSError:
        return False
