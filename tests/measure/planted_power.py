"""An energy counter with planted power, which moves in steps as a real one does."""

from __future__ import annotations

import time


class PlantedPower:
    """idle_w until `work` is called for the first time, then busy_w. The counter moves every tick_s seconds and shows
    what was taken until then."""

    def __init__(self, idle_w: float, busy_w: float, tick_s: float = 0.02) -> None:
        self.tick_s, self._idle_w, self._busy_w = tick_s, idle_w, busy_w
        self._began_s, self._busy_s = time.perf_counter(), float("inf")

    def work(self) -> None:
        self._busy_s = min(self._busy_s, time.perf_counter())
        time.sleep(0.005)

    def joules(self) -> float:
        ticked_s = (time.perf_counter() - self._began_s) // self.tick_s * self.tick_s
        busy_s = max(0.0, self._began_s + ticked_s - self._busy_s)
        return 1000.0 + self._idle_w * (ticked_s - busy_s) + self._busy_w * busy_s
