"""A table as a value: columns with their headings, rows of typed cells, notes. `formats/` shows it.

A table is declared once, in `tables/`. A page may pick some of its columns and give them other headings; what a cell
looks like is the format's business alone.
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
    """Of a case, kernel or arm: never broken where it fits into a line. more: what tells it from others of that name,
    such as its axes. long: an id, which a page may break after a slash or comma. code: an identifier, a code span in
    Markdown. mono: in fixed width on a page. href: of a page of its own."""

    text: str
    more: str = ""
    long: bool = False
    code: bool = True
    mono: bool = False
    href: str = ""


@dataclass(frozen=True)
class Names:
    """Arms that share a row. places: of each among all arms of the run, by which a page colours them."""

    names: tuple[str, ...]
    places: tuple[int, ...] = ()
    every: bool = False

    @property
    def text(self) -> str:
        return ", ".join(self.names)


@dataclass(frozen=True)
class Number:
    """text: as a reader sees it, the unit in the heading. value: what it is sorted and exported by."""

    value: float
    text: str


@dataclass(frozen=True)
class Quantity:
    """A value with its interval. unit: where it does not stand in the heading."""

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
    """A ratio in words. words: where those of a time do not fit, `1.05x more` of memory."""

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
        """What follows the short words."""
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
    """A small drawing beside numbers. Only pages show it. svg: an element, escaped. order: what it is sorted by."""

    svg: str
    order: int
    text: str = ""


Cell = Words | Name | Names | Number | Quantity | Change | Mark | Picture | None
"""None: not known."""


@dataclass(frozen=True)
class Column:
    """key: its name in files for other programs. heading_code: an arm's name, which stands in
    the heading for `{}`. extra: the first
    to leave where a terminal has no room. sparse: left out where no row knows it. once: a value that is that of the row
    above is not repeated on a terminal. ends: on a terminal, too, an interval is shown by its two ends."""

    key: str
    heading: str
    heading_code: str = ""
    right: bool = False
    extra: bool = False
    sparse: bool = False
    once: bool = False
    ends: bool = False

    @property
    def title(self) -> str:
        return self.heading.replace("{}", self.heading_code)


@dataclass(frozen=True)
class Row:
    """rank: where a page is limited, rows of higher rank leave first. kind: one word under which lost rows are counted.
    foot: a sum below the others. share: of the whole, for a bar; None draws none."""

    cells: tuple[Cell, ...]
    rank: int = 0
    kind: str = ""
    foot: bool = False
    share: float | None = None


@dataclass(frozen=True)
class Table:
    """name: of the kind, for files. title: what it is, for screen readers and folds. caption: what its columns mean.
    notes: what stands below it."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    notes: tuple[str, ...] = ()
    usual: str = ""
    """What most names have as `more`: a terminal says it once, in the heading."""
    published: bool = False
    """Its layout is known from elsewhere: headings are as they are written, on a terminal, too."""

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
        """Whether a column has such cells."""
        return any(isinstance(row.cells[place], kinds) for row in self.rows)

    def without(self, keys: Iterable[str]) -> Table:
        left = set(keys)
        return self.pick(" ".join(column.key for column in self.columns if column.key not in left))

    @property
    def known(self) -> Table:
        """Without the sparse columns that no row has a value in."""
        empty = [
            column.key
            for place, column in enumerate(self.columns)
            if column.sparse and all(row.cells[place] is None for row in self.rows)
        ]
        return self.without(empty) if empty else self

    def first(self, count: int, note: Callable[[Sequence[Row]], str]) -> Table:
        """Its first rows, and a note on those that are left out."""
        left = self.rows[count:]
        return replace(self, rows=self.rows[:count], notes=(*self.notes, note(left))) if left else self


def text_of(cell: Cell) -> str:
    """The cell as plain text."""
    if isinstance(cell, Name):
        return f"{cell.text}, {cell.more}" if cell.more else cell.text
    return UNKNOWN if cell is None else cell.text


def maybe(value: T | None, make: Callable[[T], str]) -> Number | None:
    """A number that may not be known."""
    return None if value is None else Number(value, make(value))
