"""How a table is shown: one module a format, each with `render(table)`, and its name here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

from ..table import Table

MODULES = {
    "text": "terminal_table",
    "md": "markdown_table",
    "html": "html_table",
    "csv": "csv_table",
    "json": "json_table",
}
"""By the name that a command takes."""


def _render(module: str, table: Table) -> str:
    """Imports the format when a table is shown in it: a page in HTML needs no library for terminals."""
    text: str = import_module(f".{module}", __name__).render(table)
    return text


TABLE_FORMATS: Mapping[str, Callable[[Table], str]] = {
    name: partial(_render, module) for name, module in MODULES.items()
}
