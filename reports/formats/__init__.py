"""Formats of a table: one module for each, with `render(table)`, and its name here."""

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
"""Modules by the format's name in commands."""


def _render(module: str, table: Table) -> str:
    """Import the format on first use: a page in HTML needs no library for terminals."""
    text: str = import_module(f".{module}", __name__).render(table)
    return text


TABLE_FORMATS: Mapping[str, Callable[[Table], str]] = {
    name: partial(_render, module) for name, module in MODULES.items()
}
