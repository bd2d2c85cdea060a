"""A table as Markdown: names are code spans, all other user text is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import UNKNOWN
from ..table import Cell, Change, Mark, Name, Names, Number, Picture, Quantity, Row, Table
from .markdown_cells import code, text


def render(table: Table, rows: Sequence[Row] | None = None) -> str:
    """rows: the subset of the table's rows to show, if not all of them."""
    shown = table.known if rows is None else table
    headings = [column.heading.replace("{}", code(column.heading_code)) for column in shown.columns]
    rule = ["---:" if column.right else "---" for column in shown.columns]
    lines = [headings, rule, *(cells_of(row) for row in (shown.rows if rows is None else rows))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def cells_of(row: Row) -> list[str]:
    return [_cell(cell) for cell in row.cells]


def _cell(cell: Cell) -> str:
    if cell is None:
        return UNKNOWN
    if isinstance(cell, Name):
        name = code(cell.text) if cell.code else text(cell.text)
        return f"{name}, {text(cell.more)}" if cell.more else name
    if isinstance(cell, Names):
        return ", ".join(code(name) for name in cell.names)
    if isinstance(cell, Quantity):
        return cell.ends
    if isinstance(cell, Mark):
        return f"**{text(cell.text)}**" if cell.strong else text(cell.text)
    if isinstance(cell, Number | Change):
        return cell.text
    return "" if isinstance(cell, Picture) else text(cell.text)
