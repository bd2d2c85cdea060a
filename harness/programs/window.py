"""Which part of a program is recorded."""

from __future__ import annotations

import signal as signals

import msgspec

from harness.errors import HarnessError, allowed

SIGNALS = ("USR1", "USR2", "HUP", "WINCH")
"""Those that a program may be sent without ending it, once somebody handles them."""


class Window(msgspec.Struct, frozen=True):
    """A step is a call of the outermost module that has parameters, or of the `record_function` called `name`, which is
    then all that counts. after: steps that are left out first. steps: recorded after those, 0 to the end. signal: the
    number of the one that opens the window, closes it, and so on; 0 none."""

    after: int = 0
    steps: int = 0
    name: str = ""
    signal: int = 0

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
    """Of the command line. Raises HarnessError for what does not go together."""
    number = 0
    if signal:
        short = signal.upper().removeprefix("SIG")
        if short not in SIGNALS:
            raise HarnessError(f"--signal {signal}: {allowed(short, SIGNALS)}")
        number = int(getattr(signals, f"SIG{short}"))
        if after or steps or name:
            raise HarnessError("--signal opens and closes the window itself; not with --after, --steps or --range")
    return Window(after, steps, name, number)
