"""The part of a program to record."""

from __future__ import annotations

import signal as signals

import msgspec

from harness.errors import HarnessError, allowed

SIGNALS = ("USR1", "USR2", "HUP", "WINCH")
"""Signals that a program may be sent without ending it, once it handles them."""


class Window(msgspec.Struct, frozen=True):
    """The steps to record. A step is a call of the outermost module that has parameters, or of the `record_function`
    called `name`."""

    after: int = 0
    """Steps to skip first."""
    steps: int = 0
    """Steps to record after those; 0: to the end."""
    name: str = ""
    """A `record_function` whose calls are the only steps that count; empty: the module's calls."""
    signal: int = 0
    """The number of the signal that opens the window, closes it, and so on; 0: none."""

    @property
    def whole(self) -> bool:
        """From the import of torch to the end."""
        return not (self.after or self.steps or self.name or self.signal)

    def __str__(self) -> str:
        if self.signal:
            return f"between {signals.Signals(self.signal).name}"
        what = f"calls of {self.name}" if self.name else "steps"
        until = f"{self.after + self.steps}" if self.steps else "the last"
        return f"{what} {self.after + 1} to {until}" if self.after or self.steps else f"all {what}"


def window(after: int, steps: int, name: str, signal: str) -> Window:
    """The window from the options of the command line. Raises HarnessError for options that exclude each other."""
    number = 0
    if signal:
        short = signal.upper().removeprefix("SIG")
        if short not in SIGNALS:
            raise HarnessError(f"--signal {signal}: {allowed(short, SIGNALS)}")
        number = int(getattr(signals, f"SIG{short}"))
        if after or steps or name:
            raise HarnessError("--signal opens and closes the window itself; not with --after, --steps or --range")
    return Window(after, steps, name, number)
