"""Output of text: to standard output at the terminal's width, or to a string. No line is cropped."""

from __future__ import annotations

import io
import shutil
import sys

from rich.console import Console, RenderableType

from harness.plain_text import visible

PIPED_COLUMNS = 120
"""Columns of a page without a terminal."""


def show(*parts: RenderableType, columns: int = PIPED_COLUMNS) -> None:
    """Print on standard output. columns: the width without a terminal. A pipe gets no colour and no blanks at the end
    of a line."""
    if sys.stdout.isatty():
        _print(Console(), parts)
    else:
        print(plain(*parts, columns=max(columns, shutil.get_terminal_size((columns, 24)).columns)), end="")


def plain(*parts: RenderableType, columns: int = PIPED_COLUMNS) -> str:
    """The same as text without colour."""
    out = io.StringIO()
    _print(Console(file=out, width=columns, color_system=None, legacy_windows=False), parts)
    return "".join(f"{line.rstrip()}\n" for line in visible(out.getvalue()).splitlines())


def _print(console: Console, parts: tuple[RenderableType, ...]) -> None:
    for part in parts:
        console.print(part, crop=False, markup=False, highlight=False)
