"""A table as a value: columns with headings, rows of typed cells, and notes. `formats/` shows it.

A table is declared once, in `tables/`. A page may pick some of its columns and give them other headings. Only the
format decides how a cell looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from harness.values.estimate import Estimate, Ratio

from .figures import UNKNOWN, bracketed, plus_minus, ratio_full, ratio_words

T = TypeVar("T", int, float)


@dataclass(frozen=True)
class Words:
    """Prose: may be wrapped. fit: on a page it has the room of a sentence, or stays on one line."""

    text: str
    fit: Literal["", "wide", "nowrap"] = ""


@dataclass(frozen=True)
class Name:
    """Name of a case, kernel or arm: never broken if it fits into a line."""

    text: str
    more: str = ""
    """Text that tells it from others of that name, such as its axes."""
    long: bool = False
    """An id, which a page may break after a slash or comma."""
    code: bool = True
    """An identifier: a code span in Markdown."""
    mono: bool = False
    """In fixed width on a page."""
    href: str = ""
    """Address of its own page."""


@dataclass(frozen=True)
class Names:
    """Arms that share a row. places: the index of each among all arms of the run, which selects its colour on a
    page."""

    names: tuple[str, ...]
    places: tuple[int, ...] = ()
    every: bool = False

    @property
    def text(self) -> str:
        return ", ".join(self.names)


@dataclass(frozen=True)
class Number:
    """text: the number for readers, with its unit in the heading. value: the number for sorting and export."""

    value: float
    text: str


@dataclass(frozen=True)
class Quantity:
    """A value with its interval. unit: only if the heading does not have it."""

    estimate: Estimate
    unit: str = ""

    @property
    def text(self) -> str:
        return f"{plus_minus(self.estimate)} {self.unit}".rstrip()

    @property
    def ends(self) -> str:
        return f"{bracketed(self.estimate)} {self.unit}".rstrip()


@dataclass(frozen=True)
class Change:
    """A ratio in words. words: replaces the words of a time, such as `1.05x more` for memory."""

    ratio: Ratio
    words: str = ""

    @property
    def text(self) -> str:
        return self.words or ratio_full(self.ratio)

    @property
    def short(self) -> str:
        return self.words or ratio_words(self.ratio)

    @property
    def detail(self) -> str:
        """The text that follows the short words."""
        if self.words:
            return ""
        interval = self.ratio.interval
        return interval if self.ratio.told_apart else f"({self.ratio.words} {interval})"

    @property
    def tone(self) -> str:
        return "unclear" if not self.ratio.told_apart else "better" if self.ratio.value < 1 else "worse"


@dataclass(frozen=True)
class Mark:
    """A verdict or status: one word of a closed list. tone: better, worse, unclear or alarm. strong: it decides."""

    text: str
    tone: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Picture:
    """A small drawing beside numbers, shown only on pages. svg: an escaped element. order: its key for sorting."""

    svg: str
    order: int
    text: str = ""


Cell = Words | Name | Names | Number | Quantity | Change | Mark | Picture | None
"""None: unknown."""


@dataclass(frozen=True)
class Column:
    """One column."""

    key: str
    """Its name in files for other programs."""
    heading: str
    heading_code: str = ""
    """An arm's name, which replaces `{}` in the heading."""
    right: bool = False
    extra: bool = False
    """Dropped first if a terminal has no room."""
    sparse: bool = False
    """Left out if no row has a value."""
    once: bool = False
    """A value that equals the one in the row above is not repeated on a terminal."""
    ends: bool = False
    """An interval is shown by its two ends, even on a terminal."""

    @property
    def title(self) -> str:
        return self.heading.replace("{}", self.heading_code)


@dataclass(frozen=True)
class Row:
    """One row."""

    cells: tuple[Cell, ...]
    rank: int = 0
    """On a page of limited size, rows of higher rank are dropped first."""
    kind: str = ""
    """One word under which dropped rows are counted."""
    foot: bool = False
    """A sum below the others."""
    share: float | None = None
    """Share of the whole, for a bar; None draws none."""


@dataclass(frozen=True)
class Table:
    """A table of typed cells."""

    name: str
    """The kind of table, for file names."""
    title: str
    """For screen readers and folds."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    """The meaning of its columns."""
    notes: tuple[str, ...] = ()
    """Sentences below it."""
    usual: str = ""
    """The `more` that most names have: a terminal says it once, in the heading."""
    published: bool = False
    """Its layout is a published one: headings stay as they are written, even on a terminal."""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"table {self.name}: {len(self.columns)} columns, {len(row.cells)} cells: {row.cells}")

    def pick(self, keys: str, **headings: str) -> Table:
        """These columns, in this order, some under other headings."""
        places = {column.key: place for place, column in enumerate(self.columns)}
        wanted = [places[key] for key in keys.split() if key in places]
        found = [self.columns[place] for place in wanted]
        columns = tuple(replace(column, heading=headings.get(column.key, column.heading)) for column in found)
        rows = tuple(replace(row, cells=tuple(row.cells[place] for place in wanted)) for row in self.rows)
        return replace(self, columns=columns, rows=rows)

    def has(self, place: int, kinds: type | tuple[type, ...]) -> bool:
        """Whether a column has a cell of one of these kinds."""
        return any(isinstance(row.cells[place], kinds) for row in self.rows)

    def without(self, keys: Iterable[str]) -> Table:
        left = set(keys)
        return self.pick(" ".join(column.key for column in self.columns if column.key not in left))

    @property
    def known(self) -> Table:
        """The table without the sparse columns for which no row has a value."""
        empty = [
            column.key
            for place, column in enumerate(self.columns)
            if column.sparse and all(row.cells[place] is None for row in self.rows)
        ]
        return self.without(empty) if empty else self

    def first(self, count: int, note: Callable[[Sequence[Row]], str]) -> Table:
        """Its first rows, with a note on the rows that are left out."""
        left = self.rows[count:]
        return replace(self, rows=self.rows[:count], notes=(*self.notes, note(left))) if left else self


def text_of(cell: Cell) -> str:
    """The cell as plain text."""
    if isinstance(cell, Name):
        return f"{cell.text}, {cell.more}" if cell.more else cell.text
    return UNKNOWN if cell is None else cell.text


def maybe(value: T | None, make: Callable[[T], str]) -> Number | None:
    """A number, or None if the value is unknown."""
    return None if value is None else Number(value, make(value))
