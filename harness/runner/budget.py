"""The limits of a comparison: its time, and the number of disturbed pairs that its machine may cause."""

from __future__ import annotations

import time

from harness.runner.stage import SILENCE_LIMIT_S

MOST_DISTURBED = 8
"""Limit of pairs repeated because a GPU protected itself or was shared. A machine that needs more is unfit."""
LEAST_SILENCE_S = 120.0
SHARE_OF_SILENCE = 0.25


def silence_limit_s(budget_s: float) -> float:
    """Seconds for which a worker of a comparison may be silent. A call that hangs costs only a part of the budget, and
    compiling still has minutes."""
    return min(SILENCE_LIMIT_S, max(LEAST_SILENCE_S, SHARE_OF_SILENCE * budget_s))


class Budget:
    """The time and pairs used so far. None for `seconds`: the user set a number of pairs.

    valid, disturbed: pairs so far. longest_s: of the longest pair. start_s: of the slowest start of several pairs'
    processes. Time in waited_s was spent waiting for others to stop measuring; the budget does not count it.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.started = time.monotonic()
        self.valid = self.disturbed = 0
        self.longest_s = self.start_s = self.waited_s = 0.0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started - self.waited_s

    def count(self, pair_s: float, disturbed: bool, start_s: float = 0.0) -> None:
        """Count a pair. pair_s: its time once its processes were running."""
        self.longest_s = max(self.longest_s, pair_s)
        self.start_s = max(self.start_s, start_s)
        self.valid += not disturbed
        self.disturbed += disturbed

    def end(self, started: bool = False) -> str:
        """The reason to measure no further pair: the machine is unfit, or a pair as long as the longest would not end
        in time. Empty where one is measured. started: its processes wait already."""
        if self.disturbed > MOST_DISTURBED:
            return f"ended after {self.disturbed} disturbed pairs: the GPU throttles or is shared"
        pair_s = self.longest_s + (0.0 if started else self.start_s)
        if self.seconds is not None and self.elapsed_s + pair_s > self.seconds:
            return f"ended by the budget of {self.seconds:g} s after {self.valid} pairs"
        return ""
