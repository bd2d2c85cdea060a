"""Charts of the size of a table cell, as SVG text: a case over runs, and the raw samples of a case.

Written directly: a page has hundreds, and matplotlib takes a tenth of a second for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .case_rows import UNITS
from .figures import clean, number
from .history_view import Trend
from .joined import Joined
from .run_view import case_name

WIDTH, HEIGHT = 160, 28
STRIP_WIDTH, LANE = 220, 5
"""Pixels; a lane is a process."""


@dataclass(frozen=True)
class Strip:
    """The raw samples of a case. lanes: by process, us in the order in which they were taken."""

    name: str
    arm: str
    unit: str
    lanes: tuple[tuple[float, ...], ...]

    @property
    def low(self) -> float:
        return min(min(lane) for lane in self.lanes)

    @property
    def high(self) -> float:
        return max(max(lane) for lane in self.lanes)

    @property
    def spread(self) -> float:
        """The largest over the least, less one."""
        return self.high / self.low - 1 if self.low > 0 else 0.0

    @property
    def count(self) -> int:
        return sum(len(lane) for lane in self.lanes)


def strips(joined: Joined) -> tuple[Strip, ...]:
    """One for each measured case that has samples, in the order of the plan."""
    found = []
    for entry in joined.cases:
        if entry.shared_with or not entry.samples:
            continue
        lanes: dict[int, list[float]] = {}
        for sample in entry.samples:
            lanes.setdefault(sample.process, []).append(sample.value_us)
        values = tuple(tuple(lanes[process]) for process in sorted(lanes))
        found.append(Strip(case_name(entry.case), clean(entry.case.arm), UNITS[entry.case.kind], values))
    return tuple(found)


def strip_svg(strip: Strip) -> Markup:
    """A mark a sample; samples on the same pixel of a lane are one mark."""
    low, room = strip.low, (strip.high - strip.low) or 1.0
    path = []
    for place, lane in enumerate(strip.lanes):
        columns = sorted({round((value - low) / room * (STRIP_WIDTH - 4)) + 2 for value in lane})
        path += [f"M{x} {place * LANE + 1}v{LANE - 2}" for x in columns]
    height = len(strip.lanes) * LANE
    words = f"{strip.count} samples from {number(strip.low, 4)} to {number(strip.high, 4)} {strip.unit}"
    return _svg(STRIP_WIDTH, height, words, f'<path class="mark" d="{"".join(path)}"/>')


def spark_svg(trend: Trend) -> Markup:
    """Zero-based; the line stops where conditions changed."""
    values = [point.time.value for point in trend.points]
    top = max(values) * 1.05 or 1.0
    step = (WIDTH - 8) / max(1, len(values) - 1)
    path = []
    for place, (value, point) in enumerate(zip(values, trend.points, strict=True)):
        letter = "M" if place == 0 or point.changed else "L"
        path.append(f"{letter}{4 + place * step:.0f} {HEIGHT - 2 - value / top * (HEIGHT - 4):.1f}")
    first, last = number(values[0], 4), number(values[-1], 4)
    words = f"{len(values)} runs, from {first} to {last} {trend.unit}"
    end = path[-1][1:].split()
    return _svg(
        WIDTH, HEIGHT, words,
        f'<path class="axis" d="M0 {HEIGHT - 1}h{WIDTH}"/><path class="line" d="{_short(path)}"/>'
        f'<circle class="dot" cx="{end[0]}" cy="{end[1]}" r="2.5"/>',
    )  # fmt: skip


def _short(path: Sequence[str]) -> str:
    """Without points on a pixel that the line has passed already."""
    kept: list[str] = []
    for part in path:
        if not kept or part[0] == "M" or part[1:] != kept[-1][1:]:
            kept.append(part)
    return "".join(kept)


def _svg(width: int, height: int, words: str, body: str) -> Markup:
    opening = f'<svg class="small" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
    return Markup("{}{}").format(Markup(f"{opening}><title>"), words) + Markup(f"</title>{body}</svg>")
