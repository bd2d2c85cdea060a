"""A table as CSV (RFC 4180, `\\n` line ends): values, not words; an unknown one is an empty cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..table import Cell, Change, Column, Measured, Number, Table, text_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula; such a text gets an apostrophe in front, numbers do not."""


def render(table: Table) -> str:
    """A measured value is four columns: `us`, `low_us`, `high_us`, `n_us`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for place, column in enumerate(table.columns) for name in _names(table, place, column)])
    for row in table.rows:
        cells = zip(row.cells, table.columns, range(len(table.columns)), strict=True)
        writer.writerow([value for cell, column, place in cells for value in _values(table, place, cell)])
    return out.getvalue()


def _spread(table: Table, place: int) -> bool:
    return any(isinstance(row.cells[place], Measured | Change) for row in table.rows)


def _names(table: Table, place: int, column: Column) -> list[str]:
    key = column.key
    return [key, f"low_{key}", f"high_{key}", f"n_{key}"] if _spread(table, place) else [key]


def _values(table: Table, place: int, cell: Cell) -> Iterator[object]:
    spread = _spread(table, place)
    if isinstance(cell, Measured | Change):
        found = cell.estimate if isinstance(cell, Measured) else cell.ratio
        yield from (found.value, found.low, found.high, found.n)
        return
    if cell is None:
        yield ""
    else:
        yield cell.value if isinstance(cell, Number) else text(text_of(cell))
    yield from [""] * (3 if spread else 0)


def text(words: str) -> str:
    """A text that no spreadsheet takes for a formula, without characters that CSV readers stumble over."""
    plain = words.replace("\x00", "\ufffd")
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
