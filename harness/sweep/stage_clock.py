"""Measures how long each stage of a sweep takes."""

from __future__ import annotations

import time

START, IMPORTS = "start", "wait for fresh processes"


class StageClock:
    """Runs from its construction on; the first stage is `START`."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._stage, self._since = START, time.perf_counter()

    def enter(self, stage: str) -> None:
        """Count the time from now on for this stage, even if it ran before."""
        now = time.perf_counter()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def end(self) -> dict[str, float]:
        """Seconds by stage, in the order in which they began."""
        self.enter(self._stage)
        return dict(self._seconds)
