"""Charts of the size of a table cell, as SVG text: a case over runs, and the raw samples of a case.

Written directly: a page has hundreds, and matplotlib takes a tenth of a second for each.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ..figures import number
from ..views.history_view import Trend
from ..views.samples_view import Strip

WIDTH, HEIGHT, SCALE = 160, 28, 2
STRIP_WIDTH, LANE, LEAST = 220, 5, 16
"""Pixels: a strip's width, a lane's least height, a strip's least height. A lane is a process. SCALE: units of a pixel,
so paths need no decimals."""


def strip_svg(strip: Strip) -> Markup:
    """One mark for each sample. Samples on the same pixel of a lane are one mark."""
    low, room = strip.low, (strip.high - strip.low) or 1.0
    lane_height = max(LANE, LEAST // max(1, len(strip.lanes)))
    path = []
    for place, lane in enumerate(strip.lanes):
        columns = sorted({round((value - low) / room * (STRIP_WIDTH - 4)) + 2 for value in lane})
        path += [f"M{x} {place * lane_height + 1}v{lane_height - 2}" for x in columns]
    height = len(strip.lanes) * lane_height
    words = f"{strip.count} samples from {number(strip.low, 4)} to {number(strip.high, 4)} {strip.unit}"
    return _svg(STRIP_WIDTH, height, words, f'<path class="mark" d="{"".join(path)}"/>')


def spark_svg(trend: Trend) -> Markup:
    """A zero-based line that stops where conditions changed."""
    values = [point.time.value for point in trend.points]
    top = max(values) * 1.05 or 1.0
    step = (WIDTH - 8) / max(1, len(values) - 1)
    spots = [
        (round(SCALE * (4 + place * step)), round(SCALE * (HEIGHT - 2 - value / top * (HEIGHT - 4))))
        for place, value in enumerate(values)
    ]
    starts = [place == 0 or bool(point.changed) for place, point in enumerate(trend.points)]
    first, last = number(values[0], 4), number(values[-1], 4)
    words = f"{len(values)} runs, from {first} to {last} {trend.unit}"
    x, y = spots[-1]
    axis = f'<path class="axis" d="M0 {SCALE * HEIGHT - 1}h{SCALE * WIDTH}"/>'
    line = f'<path class="line" d="{_path(spots, starts)}"/>'
    return _svg(WIDTH, HEIGHT, words, f'{axis}{line}<circle class="dot" cx="{x}" cy="{y}" r="5"/>', SCALE)


def steps_svg(values: Sequence[int], words: str) -> Markup:
    """Whole numbers in order, zero-based: each is a level of equal width, joined by upright lines."""
    top, width = max(values) or 1, (SCALE * WIDTH) // len(values)
    levels = [round(SCALE * (HEIGHT - 2 - value / top * (HEIGHT - 4))) for value in values]
    path = f"M0 {levels[0]}h{width}" + "".join(f"V{level}h{width}" for level in levels[1:])
    return _svg(WIDTH, HEIGHT, words, f'<path class="line" d="{path}"/>', SCALE)


def _path(spots: Sequence[tuple[int, int]], starts: Sequence[bool]) -> str:
    """Relative steps, level ones merged: a page may have twenty thousand points. A point without a neighbour is a short
    dash."""
    parts: list[str] = []
    level, before = 0, (0, 0)
    for spot, start, ends in zip(spots, starts, [*starts[1:], True], strict=True):
        x, y = spot[0] - before[0], spot[1] - before[1]
        before = spot
        if not start and y == 0:
            level += x
            continue
        parts += [f"h{level}"] if level else []
        level = 0
        parts.append(f"M{spot[0]} {spot[1]}" if start else f"l{x}{y}" if y < 0 else f"l{x} {y}")
        parts += ["m-4 0h8"] if start and ends else []
    return "".join([*parts, f"h{level}" if level else ""])


def _svg(width: int, height: int, words: str, body: str, scale: int = 1) -> Markup:
    box = f'viewBox="0 0 {scale * width} {scale * height}" width="{width}" height="{height}"'
    opening = f'<svg class="small" {box} role="img"'
    return Markup("{}{}").format(Markup(f"{opening}><title>"), words) + Markup(f"</title>{body}</svg>")
