"""A table as JSON: a description of each column, and rows of values by the columns' keys."""

from __future__ import annotations

from typing import Any

import msgspec

from ..table import Cell, Change, Name, Names, Number, Quantity, Table, text_of


def render(table: Table) -> str:
    """One object: name, title, columns with key and heading, rows, notes. An estimate keeps its interval and n."""
    columns = [{"key": column.key, "heading": column.title} for column in table.columns]
    rows = [
        {column.key: _value(cell) for column, cell in zip(table.columns, row.cells, strict=True)} for row in table.rows
    ]
    content = {"name": table.name, "title": table.title, "columns": columns, "rows": rows, "notes": table.notes}
    return msgspec.json.encode(content).decode() + "\n"


def _value(cell: Cell) -> Any:
    if isinstance(cell, Number):
        return cell.value
    if isinstance(cell, Quantity):
        return cell.estimate
    if isinstance(cell, Change):
        return cell.ratio
    if isinstance(cell, Names):
        return cell.names
    return None if cell is None else text_of(cell) if isinstance(cell, Name) else cell.text
