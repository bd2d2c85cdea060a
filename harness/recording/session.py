"""The recording of one process: the program's own, or one that it started."""

from __future__ import annotations

import atexit
import mmap
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from harness.programs.told import Recording
from harness.recording.when_imported import when_imported

if TYPE_CHECKING:
    from harness.recording.steps import StepWatch
    from harness.recording.tracing import Tracing

POLL_S = 0.002
"""Seconds between two checks of a child whether its parent's window is open."""
OPEN, CLOSED = b"\x01", b"\x00"
NO_TORCH = "no trace: it never imported torch"
NO_WINDOW = "no trace: {} never came; it had {}"
FORKED = "no trace: forked while CUDA was recorded, whose profiler does not survive a fork"


class Session:
    """From the import of torch to the end. The program's own process (`leads`) has its window; its children record at
    the same times."""

    def __init__(self, recording: Recording, leads: bool) -> None:
        self._recording, self._window, self._leads = recording, recording.window, leads
        self._folder = Path(recording.folder)
        self._tracing: Tracing | None = None
        self._steps: StepWatch | None = None
        self._exit = os._exit
        self._ended = False
        self._reason = ""
        with open(self._folder / recording.flag, "r+b") as file:
            self._flag = mmap.mmap(file.fileno(), 1)
        os.register_at_fork(after_in_child=self._forked)
        os._exit = self._exiting  # what multiprocessing ends its children with
        if not leads:
            atexit.register(self.end)
            self._end_by_sigterm()
        if leads and self._window.signal:
            signal.signal(self._window.signal, self._toggled)
        when_imported("torch", self._begin)

    def _begin(self) -> None:
        from harness.recording.steps import StepWatch
        from harness.recording.tracing import Tracing

        self._note("begun")
        self._tracing = Tracing(self._folder, self._recording.stem)
        if self._window.whole:
            self._tracing.open()
        elif not self._leads:
            self._follow()
        elif not self._window.signal:
            self._steps = StepWatch(self._window.name, self._step_began, self._step_ended)
            self._steps.start()
        elif self._flag[:1] == OPEN:  # the signal came before torch did
            self._tracing.open()

    def end(self) -> str:
        """Write the rest of the recording; return the reason why there is no trace, "" where there is one."""
        if self._ended:
            return self._reason
        self._ended = True
        self._close()
        self._reason = self._why_not()
        self._note("told", self._reason)
        return self._reason

    def _why_not(self) -> str:
        if self._tracing is None:
            return self._reason or NO_TORCH
        if self._tracing.taken:
            from harness.recording.tracing import OWN_PROFILER

            return OWN_PROFILER
        if self._tracing.problem or self._tracing.written or not self._leads:
            return self._tracing.problem  # a child that was not there while the window was open has nothing to tell
        if self._window.signal:
            return NO_WINDOW.format(signal.Signals(self._window.signal).name, "none")
        return NO_WINDOW.format(f"step {self._window.after + 1}", self._steps.count if self._steps else "none")

    def _step_began(self, number: int) -> None:
        """Open the window before the first of its steps, close it before the first step after them."""
        if self._tracing is None:
            return
        if self._steps_are_over(number):
            self._close()
        elif number >= self._window.after:
            self._open()
            self._tracing.mark(number)

    def _step_ended(self, number: int) -> None:
        if self._tracing is not None and self._tracing.is_open:
            self._tracing.unmark()
            if self._steps_are_over(number + 1):
                self._close()

    def _steps_are_over(self, number: int) -> bool:
        return bool(self._window.steps) and number >= self._window.after + self._window.steps

    def _toggled(self, _: int, __: FrameType | None) -> None:
        if self._flag[:1] == OPEN:
            self._close()
        else:
            self._open()

    def _open(self) -> None:
        if self._tracing is not None and not self._tracing.is_open:
            self._tracing.open()
        self._flag[:1] = OPEN

    def _close(self) -> None:
        if self._leads:
            self._flag[:1] = CLOSED
        if self._tracing is not None:
            self._tracing.close()
        if self._steps is not None and (self._ended or self._window.steps):
            self._steps.stop()

    def _follow(self) -> None:
        """Follow the parent's window in a child, from a thread of its own."""
        tracing = self._tracing
        assert tracing is not None
        tracing.prepare()

        def follow() -> None:
            while not self._ended:
                if self._flag[:1] == OPEN:
                    tracing.open()
                elif tracing.is_open:
                    tracing.close()
                time.sleep(POLL_S)

        threading.Thread(target=follow, name="harness window", daemon=True).start()

    def _forked(self) -> None:
        """In the child: begin a recording of its own, which ends like that of any other child process."""
        self._leads, self._ended = False, False
        if self._steps is not None:
            self._steps.stop()
            self._steps = None
        if self._window.signal:
            signal.signal(self._window.signal, signal.SIG_IGN)
        self._end_by_sigterm()
        if self._tracing is None:  # torch may come later
            return
        self._note("begun")
        if not self._tracing.abandon():
            self._tracing, self._reason = None, FORKED
        elif self._window.whole:
            self._tracing.open()
        else:
            self._follow()

    def _exiting(self, status: int) -> NoReturn:
        try:
            self.end()
        finally:
            self._exit(status)

    def _end_by_sigterm(self) -> None:
        """End the recording at SIGTERM, by which multiprocessing ends its children. A program's own handler stays in
        place."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) in (
            signal.SIG_DFL, None,
        ):  # fmt: skip
            signal.signal(signal.SIGTERM, self._terminated)

    def _terminated(self, number: int, _: FrameType | None) -> None:
        if self._ended:  # a pool also ends workers that are about to: this one is writing its trace, and ends then
            return
        self.end()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _note(self, ending: str, text: str = "") -> None:
        """Write a note beside the traces, for a child: that it has begun, or how it ended."""
        if not self._leads:
            path = self._folder / f"{self._recording.stem}.{os.getpid()}.{ending}"
            path.write_text(text, encoding="utf-8")
