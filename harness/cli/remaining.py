"""The rate of a long step and its remaining time, once enough of it is done to say so."""

from __future__ import annotations

from collections import deque

LEAST_SHARE = 0.05
"""Done share of a step, below which no time is estimated: its first parts pay for caches and starting processes."""
LEAST_PARTS = 5
LEAST_S = 3.0
WINDOW_S = 30.0
"""The rate is that of this last time: a step may become faster or slower as it goes."""


class Remaining:
    """The parts of one step, as they are done."""

    def __init__(self) -> None:
        self._step = ""
        self._seen: deque[tuple[float, int]] = deque()
        self._began = (0.0, 0)

    def words(self, step: str, done: int, of: int, now_s: float) -> str:
        """`, 12.5/s, 1 min 10 s left`; empty until enough parts are done."""
        if step != self._step:
            self._step, self._began = step, (now_s, done)
            self._seen.clear()
        if not self._seen or self._seen[-1][1] != done:
            self._seen.append((now_s, done))
        while len(self._seen) > LEAST_PARTS and self._seen[1][0] < now_s - WINDOW_S:
            self._seen.popleft()
        if done >= of or not self._enough(done, of, now_s):
            return ""
        first_s, first = self._seen[0]
        rate = (done - first) / (now_s - first_s) if now_s > first_s else 0.0
        return f", {_rate_words(rate)}, {duration_words((of - done) / rate)} left" if rate > 0 else ""

    def _enough(self, done: int, of: int, now_s: float) -> bool:
        began_s, before = self._began
        parts = done - before
        return parts >= max(LEAST_PARTS, LEAST_SHARE * (of - before)) and now_s - began_s >= LEAST_S


def _rate_words(rate: float) -> str:
    return f"{rate:.3g}/s" if rate >= 1 else f"{1 / rate:.2g} s each"


def duration_words(left_s: float) -> str:
    """`40 s`, `1 min 10 s`, `1 h 25 min`: no finer than an estimate can be."""
    if left_s < 60:
        return f"{max(1, round(left_s)):d} s"
    if left_s < 600:
        tens = round(left_s / 10)
        return f"{tens // 6} min" + (f" {tens % 6 * 10} s" if tens % 6 else "")
    minutes = round(left_s / 60)
    return f"{minutes} min" if minutes <= 60 else f"{minutes // 60} h {minutes % 60} min"
