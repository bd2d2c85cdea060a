"""The result of an engine outside of this program: figures of one measurement, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Protocol

import msgspec

from harness.errors import CaseFailed
from harness.outside.group import Group
from harness.values.case import AxisValue
from harness.values.outside import OutsideEngine


class TimedOut(CaseFailed):
    """The program ran, or stayed silent, for too long."""


class Found(msgspec.Struct, frozen=True):
    """The result of a measurement."""

    values: dict[str, list[float] | str]
    """By figure, the samples of one round, or the reason why there are none."""
    timers: dict[str, str]
    """By figure, the source of the time."""
    first_token_us: float | None = None
    """None where the engine does not report it."""
    peak_memory_bytes: int | None = None
    """None where the engine does not report it."""
    notes: tuple[str, ...] = ()
    """Other facts to keep, such as checksums."""
    work: tuple[str, float] | None = None
    """The figure that has the energy, and how many of its units were done in all, warm-ups included."""


class Measuring(Protocol):
    """An engine made ready for one arm."""

    def measure(self, axes: Mapping[str, AxisValue], check: bool) -> Found:
        """One round at one point of the axes. check: nothing is timed; the shortest run that shows that it works.
        Raises CaseFailed, TimedOut."""
        ...


def run_to_its_end(program: Group, name: str, limit_s: float) -> None:
    """Wait for the program's end. Raises TimedOut where it takes longer, CaseFailed where its status is not 0."""
    if reason := program.wait(limit_s):
        last = f"; its last line: {program.last_line}" if program.last_line else ""
        raise TimedOut(f"{name}: {reason}, and was ended{last}")
    if program.ending:
        raise CaseFailed(f"{name} {program.ending}")


def opened(engine: OutsideEngine, folder: Path) -> AbstractContextManager[Measuring]:
    """The engine, made ready by the module of its name: a server runs for as long as the context. folder: relative
    names are relative to it. Raises CaseFailed."""
    module = import_module(f"harness.outside.{engine.name}")
    found: AbstractContextManager[Measuring] = module.opened(engine.settings, folder)
    return found
