"""How long a comparison may go on: its time, and how often its machine may disturb it."""

from __future__ import annotations

import time

from harness.runner.stage import SILENCE_LIMIT_S

MOST_DISTURBED = 8
"""Pairs that are repeated because a GPU protected itself or was shared; a machine that needs more is unfit."""
LEAST_SILENCE_S = 120.0
SHARE_OF_SILENCE = 0.25


def silence_limit_s(budget_s: float) -> float:
    """How long a worker of a comparison may say nothing: a call that hangs costs a part of the budget and not all of
    it, and compiling still has minutes."""
    return min(SILENCE_LIMIT_S, max(LEAST_SILENCE_S, SHARE_OF_SILENCE * budget_s))


class Budget:
    """seconds: None where a number of pairs was asked for. valid, disturbed: pairs so far. longest_s, start_s: of the
    longest pair, and of starting the processes of several. waited_s: for others to end their measuring, which is not of
    the budget."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.started = time.monotonic()
        self.valid = self.disturbed = 0
        self.longest_s = self.start_s = self.waited_s = 0.0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started - self.waited_s

    def count(self, pair_s: float, disturbed: bool, start_s: float = 0.0) -> None:
        """After a pair that took so long, once its processes were there."""
        self.longest_s = max(self.longest_s, pair_s)
        self.start_s = max(self.start_s, start_s)
        self.valid += not disturbed
        self.disturbed += disturbed

    def end(self, started: bool = False) -> str:
        """Why no further pair is measured: the machine is unfit, or the longest pair so far would not end in time.
        started: its processes wait already. Empty where one is measured."""
        if self.disturbed > MOST_DISTURBED:
            return f"ended after {self.disturbed} disturbed pairs: the GPU throttles or is shared"
        pair_s = self.longest_s + (0.0 if started else self.start_s)
        if self.seconds is not None and self.elapsed_s + pair_s > self.seconds:
            return f"ended by the budget of {self.seconds:g} s after {self.valid} pairs"
        return ""
