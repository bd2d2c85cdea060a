"""How a table is shown: one module a format, each with `render(table)`, and one line here."""

from __future__ import annotations

from collections.abc import Callable

from ..table import Table
from . import csv_table, html_table, json_table, markdown_table, terminal_table

TABLE_FORMATS: dict[str, Callable[[Table], str]] = {
    "text": terminal_table.render,
    "md": markdown_table.render,
    "html": html_table.render,
    "csv": csv_table.render,
    "json": json_table.render,
}
"""By the name that a command takes."""
