"""A table as an element of a page: sortable, scrolled by keyboard, every value escaped.

A cell whose text does not sort by itself carries `data-value`. Unknown values sort last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from ..figures import UNKNOWN, value_and_interval
from ..table import Cell, Change, Column, Mark, Name, Names, Number, Picture, Quantity, Row, Table, Words

CAPTION = Markup("<caption><span>{}</span></caption>\n")
FRAME = Markup(
    '<div class="scroll" tabindex="0" role="region" aria-label="{}">\n<table class="sortable">\n'
    "{}<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n{}</table>\n</div>"
)
BAR = Markup(
    '<svg class="small" viewBox="0 0 100 3" width="100" height="3" aria-hidden="true">'
    '<rect width="{:.1f}" height="3" style="fill: var(--s1)"/></svg>'
)

SHORT = 8
"""Letters of a name that stays on one line."""


def render(table: Table) -> Markup:
    """The table and its notes, one paragraph each."""
    table = table.known
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(_class(column), column.title) for column in table.columns
    )
    body = Markup("").join(_row(table, row) for row in table.rows if not row.foot)
    feet = [_row(table, row) for row in table.rows if row.foot]
    foot = Markup("<tfoot>\n{}</tfoot>\n").format(Markup("").join(feet)) if feet else ""
    caption = CAPTION.format(table.caption) if table.caption else ""
    notes = Markup("").join(Markup("\n<p>{}</p>").format(note) for note in table.notes)
    return FRAME.format(table.title, caption, head, body, foot) + notes


def order(value: float) -> str:
    """A number as an attribute for sorting."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def broken_after_slashes(name: str) -> Markup:
    """An id that may break after a slash or a comma, and elsewhere only if it must."""
    if "/" not in name:
        return escape(name)
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/,])", name))


def _row(table: Table, row: Row) -> Markup:
    cells = zip(row.cells, table.columns, strict=True)
    first, column = next(cells)
    head = _head(first, column, BAR.format(100 * row.share) if row.share is not None else Markup(""))
    return Markup("<tr>{}{}</tr>\n").format(head, Markup("").join(_cell(cell, column) for cell, column in cells))


def _head(cell: Cell, column: Column, bar: Markup) -> Markup:
    return Markup('<th scope="row"{}>{}{}</th>').format(_room(cell), _name(cell), bar)


def _room(cell: Cell) -> Markup:
    """A long id may be broken; a short name, such as a run's, takes no room from the other columns."""
    if isinstance(cell, Name) and cell.long:
        return Markup(' class="long"')
    short = isinstance(cell, Name) and not cell.more and len(cell.text) <= SHORT
    return Markup(' class="short"') if short else Markup("")


def _name(cell: Cell) -> Markup:
    if not isinstance(cell, Name):
        return escape(UNKNOWN if cell is None else cell.text)
    more = Markup(" <small>{}</small>").format(cell.more) if cell.more else ""
    name = broken_after_slashes(cell.text) if cell.long else escape(cell.text)
    if cell.href:
        name = Markup('<a href="{}">{}</a>').format(cell.href, name)
    return (Markup("<code>{}</code>").format(name) if cell.mono else name) + more


def _class(column: Column) -> Markup:
    return Markup(' class="n"') if column.right else Markup("")


def _cell(cell: Cell, column: Column) -> Markup:
    if cell is None:
        return Markup("<td{}>{}</td>").format(_class(column), UNKNOWN)
    if isinstance(cell, Number):
        return Markup('<td class="n" data-value="{}">{}</td>').format(order(cell.value), cell.text)
    if isinstance(cell, Quantity):
        value, interval = value_and_interval(cell.estimate)
        form = Markup('<td class="n" data-value="{}">{} <span class="interval">{}</span></td>')
        return form.format(order(cell.estimate.value), value, interval)
    if isinstance(cell, Change):
        form = Markup(
            '<td class="nowrap" data-value="{}"><span class="{}">{}</span> <span class="interval">{}</span></td>'
        )
        return form.format(order(cell.ratio.value), cell.tone, cell.short, cell.detail)
    if isinstance(cell, Mark):
        return Markup('<td class="nowrap"><span class="{}">{}</span></td>').format(cell.tone or "plain", cell.text)
    if isinstance(cell, Picture):
        return Markup('<td data-value="{}">{}</td>').format(cell.order, Markup(cell.svg))
    if isinstance(cell, Names):
        return Markup("<td>{}</td>").format(_arms(cell))
    if isinstance(cell, Words):
        fit = {"": "", "wide": Markup(' class="why"'), "nowrap": Markup(' class="nowrap"')}[cell.fit]
        return Markup("<td{}>{}</td>").format(fit, cell.text)
    return Markup("<td>{}</td>").format(_name(cell))


def _arms(cell: Names) -> Markup:
    if cell.every:
        return Markup("every arm")
    form = Markup('<span class="nowrap"><span class="key" style="background: var(--s{})"></span>{}{}</span> ')
    last = len(cell.names) - 1
    pairs: Iterable[tuple[str, int]] = zip(cell.names, cell.places, strict=True)
    return Markup("").join(form.format(s, name, "," if i < last else "") for i, (name, s) in enumerate(pairs))
