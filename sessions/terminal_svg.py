"""Draws an asciicast as an animated SVG: `python -m sessions.terminal_svg FILE.cast FILE.svg`.

Each command has the screen for itself; its rows appear when they did, with waits shortened. Without animation, and with
reduced motion, the first command stands still. Progress that a command wiped out is not drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pyte

LONGEST_WAIT_S = 1.0
"""A longer wait between two outputs is cut to this."""
HOLD_S = 6.0
"""Time that the last screen of a command stays."""
WIDTH, HEIGHT, MARGIN = 8.0, 18, 14
"""Of a character and of a row, and the space around all, in pixels."""
PALETTE = {
    "red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff",
    "cyan": "#56d4dd", "black": "#8b949e", "white": "#f0f6fc",
}  # fmt: skip
"""Of a terminal's names, readable on the panel."""
STYLE = """\
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre}
.bold{font-weight:700}.dim{opacity:.7}
@media (prefers-reduced-motion:reduce){*{animation:none!important}}"""


@dataclass(frozen=True)
class Row:
    """A row of a screen that stays, and the second at which it got its last form."""

    at_s: float
    cells: tuple[Any, ...]


@dataclass(frozen=True)
class Screen:
    """Everything that one command left. ends_s: seconds from the start of the recording until the next one."""

    command: str
    rows: tuple[Row, ...]
    begins_s: float
    ends_s: float


def screens(cast: str) -> list[Screen]:
    """One a command, with waits shortened. Raises ValueError where the text is no asciicast of version 2."""
    header, *events = (json.loads(line) for line in cast.splitlines() if line)
    if not isinstance(header, dict) or header.get("version") != 2:
        raise ValueError("no asciicast of version 2")
    found: list[Screen] = []
    parts: list[list[list[Any]]] = []
    for event in events:
        if event[1] == "m":
            parts.append([])
        parts[-1].append(event)
    begins_s = 0.0
    for part in parts:
        screen = _screen(part, header["width"], begins_s)
        found.append(screen)
        begins_s = screen.ends_s
    return found


def _screen(events: list[list[Any]], columns: int, begins_s: float) -> Screen:
    screen = pyte.Screen(columns, 400)
    stream = pyte.Stream(screen)
    seen: dict[int, Row] = {}
    now_s, last_s = begins_s, events[0][0]
    for at_s, kind, text in events:
        now_s, last_s = now_s + min(LONGEST_WAIT_S, at_s - last_s), at_s
        if kind != "o":
            continue
        stream.feed(text)
        for number in screen.dirty:
            cells = tuple(screen.buffer[number][column] for column in range(columns))
            if number not in seen or seen[number].cells != cells:
                seen[number] = Row(now_s, cells)
        screen.dirty.clear()
    rows = [seen.get(number, Row(now_s, ())) for number in range(max(seen) + 1)]
    while rows and not _text(rows[-1]):
        rows.pop()
    return Screen(events[0][2], tuple(rows), begins_s, now_s + HOLD_S)


def _text(row: Row) -> str:
    return "".join(cell.data for cell in row.cells).rstrip()


def draw(cast: str, title: str) -> str:
    """The SVG of an asciicast. title: what it shows, in words, for those who do not see it."""
    found = screens(cast)
    columns = max(len(_text(row)) for screen in found for row in screen.rows)
    width = round(columns * WIDTH + 2 * MARGIN)
    height = max(len(screen.rows) for screen in found) * HEIGHT + 2 * MARGIN
    total_s = found[-1].ends_s
    styles, drawn = [STYLE], []
    for place, screen in enumerate(found):
        for number, row in enumerate(screen.rows):
            if not _text(row):
                continue
            name = f"r{place}-{number}"
            begin, end = (100 * at_s / total_s for at_s in (row.at_s, screen.ends_s))
            styles.append(
                f"@keyframes {name}{{0%{{opacity:0}}{begin:.2f}%{{opacity:1}}{end:.2f}%{{opacity:{int(end >= 100)}}}}}"
            )
            hidden = ' opacity="0"' if place else ""
            spans = "".join(_spans(row))
            drawn.append(
                f'<text y="{MARGIN + number * HEIGHT + 13}"{hidden} style="animation:{name} {total_s:.1f}s step-end '
                f'infinite">{spans}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
        f"<title>{escape(title)}</title><style>{''.join(styles)}</style>"
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="#0d1117" stroke="#30363d"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _spans(row: Row) -> Iterator[str]:
    """Runs of characters of one style, each at its own column, so that no font moves a table."""
    begin, length = 0, len(_text(row))
    while begin < length:
        end = begin + 1
        while end < length and _style(row.cells[end]) == _style(row.cells[begin]):
            end += 1
        text = "".join(cell.data for cell in row.cells[begin:end])
        if text.strip():
            left = MARGIN + WIDTH * (begin + len(text) - len(text.lstrip()))
            drawn = WIDTH * len(text.strip())
            yield (
                f'<tspan x="{left:g}" textLength="{drawn:g}"{_style(row.cells[begin])}>{escape(text.strip())}</tspan>'
            )
        begin = end


def _style(cell: Any) -> str:
    bold = ' class="bold"' if cell.bold else ""
    colour = cell.fg.removeprefix("bright")
    shown = PALETTE.get(colour) or (f"#{cell.fg}" if len(cell.fg) == 6 and cell.fg.isalnum() else "")
    return bold + (f' fill="{shown}"' if shown and colour != "default" else "")


if __name__ == "__main__":
    read = Path(sys.argv[1]).read_text(encoding="utf-8")
    commands = ", ".join(" ".join(screen.command.split()[:2]) for screen in screens(read))
    Path(sys.argv[2]).write_text(draw(read, f"A terminal that runs {commands}"), encoding="utf-8")
