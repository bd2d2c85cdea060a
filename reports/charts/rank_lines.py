"""One line per rank over the time of the job, as SVG text: when it computed, communicated, and waited for another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from harness.values.ranks import Job, Line

from ..figures import milliseconds as ms

COLUMNS = 640
LEFT, RIGHT, LANE, GAP = 62, 8, 11, 7
TEXT = Markup('style="max-width: none" font-size="11" font-family="system-ui, sans-serif"')
COLOURS = {"computes": "var(--s1)", "communicates": "var(--s3)", "waits for another rank": "var(--bad)"}
"""Colours in drawing order: waiting is part of communicating."""


def rank_lines_svg(job: Job, lines: Sequence[Line]) -> Markup:
    """Two lanes for each rank: compute above, communication below it with waiting on top. The height of each column is
    the share of its time."""
    until_ns = max(max(line.end_ns for line in lines), 1)
    height = 26 + len(lines) * (2 * LANE + GAP) + 16
    late = job.straggler
    body = [_legend(), *(_rank(line, place, until_ns, late is not None and line.rank == late.rank)
                         for place, line in enumerate(lines))]  # fmt: skip
    end = Markup('<text x="{}" y="{}" text-anchor="end" style="fill: var(--muted)">{} ms</text>')
    body.append(end.format(LEFT + COLUMNS, height - 3, ms(until_ns)))
    words = f"{len(lines)} ranks over {ms(until_ns)} ms"
    words += f"; the others waited longest for rank {late.rank}" if late else ""
    width = LEFT + COLUMNS + RIGHT
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" {}>').format(width, height, TEXT)
    return opening + Markup("<title>{}</title>{}</svg>").format(words, Markup("").join(body))


def _legend() -> Markup:
    box = Markup('<rect x="{}" y="5" width="9" height="9" style="fill: {}"/>')
    words = Markup('<text x="{}" y="13.5" style="fill: var(--ink)">{}</text>')
    parts, x = [], LEFT
    for name, colour in COLOURS.items():
        parts += [box.format(x, colour), words.format(x + 13, name)]
        x += 26 + 6 * len(name)
    return Markup("").join(parts)


def _rank(line: Line, place: int, until_ns: int, late: bool) -> Markup:
    top = 26 + place * (2 * LANE + GAP)
    weight = Markup(' font-weight="700"') if late else ""
    colour = "var(--bad)" if late else "var(--ink)"
    label = Markup('<text x="{}" y="{}" text-anchor="end"{} style="fill: {}">rank {}</text>').format(
        LEFT - 6, top + LANE + 4, weight, colour, line.rank
    )
    width_ns = until_ns / COLUMNS
    shares = (
        columns(_bins(line, line.compute), width_ns),
        columns(_bins(line, line.communication), width_ns),
        columns(((start, end, end - start) for start, end in line.waits), width_ns),
    )
    tops = (top, top + LANE, top + LANE)
    areas = (
        Markup('<path d="{}" style="fill: {}"/>').format(_area(share, y), colour)
        for share, y, colour in zip(shares, tops, COLOURS.values(), strict=True)
    )
    return label + Markup("").join(areas)


def _bins(line: Line, bins: Sequence[int]) -> Iterator[tuple[float, float, int]]:
    """(start, end, busy ns) of each bin."""
    width = max(1, -(-(line.end_ns - line.start_ns) // max(1, len(bins))))
    for place, ns in enumerate(bins):
        if ns:
            start = line.start_ns + place * width
            yield start, min(line.end_ns, start + width), ns


def columns(parts: Iterable[tuple[float, float, int]], width_ns: float) -> list[float]:
    """The covered share of each column, by parts that are spread evenly over their length."""
    found = [0.0] * COLUMNS
    for start, end, ns in parts:
        if end <= start:
            continue
        density = ns / (end - start)
        place = int(start // width_ns)
        while place < COLUMNS and place * width_ns < end:
            shared = min(end, (place + 1) * width_ns) - max(start, place * width_ns)
            found[place] += density * max(0.0, shared) / width_ns
            place += 1
    return [min(1.0, share) for share in found]


def _area(shares: Sequence[float], top: float) -> str:
    """A step for each run of columns of one height, from the lower edge of the lane."""
    heights = [round((LANE - 1) * share, 1) for share in shares]
    parts, at = [], 0
    while at < COLUMNS:
        until = at
        while until < COLUMNS and heights[until] == heights[at]:
            until += 1
        if heights[at]:
            y = top + LANE - 1 - heights[at]
            parts.append(f"M{LEFT + at} {y:g}h{until - at}v{heights[at]:g}h-{until - at}z")
        at = until
    return "".join(parts)
