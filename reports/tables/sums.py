"""Tables whose rows are all parts of the same time: total, share of the whole, calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..figures import milliseconds as ms
from ..table import Cell, Column, Number, Row, Table

Sum = tuple[tuple[Cell, ...], int, int, Number | None]
"""The names of a row, its calls, its ns, and the cell of its last column."""

Shorten = Callable[[str, str], str]
"""The shown text for a kernel's name and the op that launched it."""


def sums_table(
    kind: str, title: str, names: Sequence[str], rows: Iterable[Sum], whole_ns: int, share: str = "%",
    last: str = "us each",
) -> Table:  # fmt: skip
    """names: headings of the name columns. last: heading of the last column."""
    columns = (
        *(Column(name.lower().replace(" ", "_"), name, extra=place > 1) for place, name in enumerate(names)),
        Column("total_ns", "Total (ms)", right=True),
        Column("share", share, right=True),
        Column("calls", "Calls", right=True),
        Column("last", last, right=True, extra=True),
    )
    return Table(kind, title, columns, tuple(sum_row(row, whole_ns) for row in rows), published=True)


def sum_row(found: Sum, whole_ns: int) -> Row:
    names, calls, ns, last = found
    share = ns / whole_ns if whole_ns else None
    part = None if share is None else Number(share, f"{100 * share:.1f}")
    return Row((*names, Number(ns, ms(ns)), part, Number(calls, f"{calls:,}"), last), share=share)


def with_each(names: tuple[Cell, ...], calls: int, ns: int) -> Sum:
    """A row with the mean of its calls in the last column."""
    return names, calls, ns, each_us(calls, ns)


def each_us(calls: int, ns: int) -> Number | None:
    return Number(ns / calls / 1e3, f"{ns / calls / 1e3:,.2f}") if calls else None
