"""A table as CSV (RFC 4180, `\\n` line ends): values, not words; an unknown one is an empty cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from ..table import Cell, Change, Number, Quantity, Table, text_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that start a formula in a spreadsheet. Such a text gets an apostrophe in front; numbers do not."""
PARTS = ("", "low_", "high_", "n_")
"""Columns of a measured value: `us`, `low_us`, `high_us`, `n_us`."""


def render(table: Table) -> str:
    """CSV text in which a measured value takes four columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    wide = [table.has(place, (Quantity, Change)) for place in range(len(table.columns))]
    names = ((column.key, spread) for column, spread in zip(table.columns, wide, strict=True))
    writer.writerow([f"{part}{key}" for key, spread in names for part in (PARTS if spread else PARTS[:1])])
    for row in table.rows:
        cells = zip(row.cells, wide, strict=True)
        writer.writerow([value for cell, spread in cells for value in _values(cell, spread)])
    return out.getvalue()


def render_all(tables: Iterable[Table]) -> str:
    """Several tables in one file, each under a line with its name, with an empty line between them."""
    return "\n".join(f"# {table.name}\n{render(table)}" for table in tables)


def _values(cell: Cell, spread: bool) -> Iterator[object]:
    """spread: over the four columns of a measured value, if any cell of the column is one."""
    if isinstance(cell, Quantity | Change):
        found = cell.estimate if isinstance(cell, Quantity) else cell.ratio
        yield from (found.value, found.low, found.high, found.n)
        return
    yield "" if cell is None else cell.value if isinstance(cell, Number) else text(text_of(cell))
    yield from [""] * (len(PARTS) - 1 if spread else 0)


def text(words: str) -> str:
    """A text that no spreadsheet takes for a formula, without characters that trip CSV readers."""
    plain = words.replace("\x00", "\ufffd")
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
