"""A table on a terminal: within its width, and with no name broken.

As room gets short, first prose wraps, then extra columns are dropped, then each row becomes a few lines. Text breaks
only at blanks: a name without one that is wider than the terminal is printed whole, so that it can be searched and
copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from ..figures import UNKNOWN
from ..table import Cell, Change, Column, Mark, Name, Names, Picture, Quantity, Table, Words, text_of
from .console import PIPED_COLUMNS

GAP = 2
LEAST_PROSE = 24
"""Least columns of prose. With less room, each row becomes a few lines instead."""

SHORT = 12
"""Most characters of a word that stands among the numbers of a row."""

BLANK = "\u00a0"
"""Replaces a blank inside a name while lines are broken."""

STYLES = {"better": "green", "worse": "red", "unclear": "dim", "alarm": "bold magenta"}
"""Colour only stresses words: green is a gain, red a loss, magenta a case without a valid result."""


@dataclass(frozen=True)
class Shown:
    """A rich renderable: the table, fitted to the available columns."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from (unbroken(line) for line in lines(self.table, options.max_width))


@dataclass(frozen=True)
class Titled(Shown):
    """The table with its title above, and a blank line around."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from (Text(), unbroken(Text(self.table.title, style="bold")))
        yield from super().__rich_console__(console, options)


def unbroken(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    return line


def render(table: Table, columns: int = PIPED_COLUMNS) -> str:
    """The table as text without colour."""
    return "".join(f"{line.plain.rstrip()}\n" for line in lines(table, columns))


def lines(table: Table, width: int) -> list[Text]:
    """The table in at most `width` columns, except for names that are wider by themselves. Its notes stand below it."""
    table = table.known
    found = None
    for candidate in _fewer(table):
        found = _Grid(candidate).within(width)
        if found is not None:
            break
    shown = found if found is not None else list(_Stack(table, width).lines())
    return shown + [Text(line) for note in table.notes for line in wrapped(note, width)]


def _fewer(table: Table) -> Iterator[Table]:
    """The table, then the table without its last extra column, and so on."""
    extras = [column.key for column in table.columns if column.extra]
    for count in range(len(extras) + 1):
        yield table.without(extras[len(extras) - count :])


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines that break only at blanks."""
    found: list[str] = []
    for word in text.split(" "):
        if found and cell_len(found[-1]) + 1 + cell_len(word) <= width:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


class _Grid:
    """A table as columns of text."""

    def __init__(self, table: Table, headings: bool = True) -> None:
        self.columns = table.columns
        self.rows = [[_text(cell, column, table.usual) for cell, column in zip(row.cells, table.columns, strict=True)]
                     for row in table.rows]  # fmt: skip
        self.prose = [table.has(place, Words) for place in range(len(table.columns))]
        self.wraps = [table.has(place, (Words, Name, Names)) for place in range(len(table.columns))]
        for place, column in enumerate(table.columns):
            if column.once:
                _say_once(self.rows, place)
        usual = [table.usual] + [""] * len(table.columns)
        titles = [heading(*pair, table.published) for pair in zip(table.columns, usual, strict=False)]
        self.head = [Text(title, style="dim") for title in titles] if headings and any(titles) else None

    def within(self, width: int) -> list[Text] | None:
        """The lines; None if the columns do not fit."""
        widths = [max((cell.cell_len for cell in column), default=0) for column in self._by_column()]
        room = width - GAP * (len(widths) - 1)
        for prose in (True, False):
            least = [self._least(place, prose) for place in range(len(widths))] if sum(widths) > room else []
            while sum(widths) > room:
                left = [place for place in range(len(widths)) if widths[place] > least[place]]
                if not left:
                    break
                widths[max(left, key=lambda place: widths[place])] -= 1
        if sum(widths) > room:
            return None
        return [line for row in self._all() for line in self._lines(row, widths)]

    def _least(self, place: int, prose: bool) -> int:
        """The least width of a column: its longest word. Only prose, names with text beside them, and several names
        wrap."""
        if not (self.prose[place] if prose else self.wraps[place]):
            return 10**9
        words = [cell_len(word) for cell in self._by_column()[place] for word in cell.plain.split(" ")]
        return max(max(words, default=0), LEAST_PROSE if self.prose[place] else 0)

    def _all(self) -> list[list[Text]]:
        return ([self.head] if self.head else []) + self.rows

    def _by_column(self) -> list[list[Text]]:
        return [[row[place] for row in self._all()] for place in range(len(self.columns))]

    def _lines(self, row: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
        cells = [wrapped(cell.plain, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(len(parts) for parts in cells)):
            line = Text()
            for cell, parts, width, column in zip(row, cells, widths, self.columns, strict=True):
                part = parts[number] if number < len(parts) else ""
                pad = " " * (width - cell_len(part))
                line.append(pad if column.right else "").append(part, style=cell.style)
                line.append(" " * GAP if column.right else pad + " " * GAP)
            line.rstrip()
            yield _whole(line)


def _say_once(rows: list[list[Text]], place: int) -> None:
    before = ""
    for row in rows:
        now = row[place].plain
        if now == before:
            row[place] = Text()
        before = now


def heading(column: Column, usual: str = "", as_written: bool = False) -> str:
    """A heading within a sentence: `Of read` -> `of read`, but `GB/s`. usual: the text that most names have beside
    them."""
    title = f"{column.title}, {usual}" if usual else column.title
    return title[:1].lower() + title[1:] if title[1:2].islower() and not as_written else title


def _text(cell: Cell, column: Column, usual: str = "") -> Text:
    if cell is None:
        return Text("" if not column.heading else UNKNOWN)
    if isinstance(cell, Name):
        more = f", {cell.more}" if cell.more and cell.more != usual else ""
        return Text(cell.text.replace(" ", BLANK) + more)
    if isinstance(cell, Names):
        return Text(", ".join(name.replace(" ", BLANK) for name in cell.names))
    if isinstance(cell, Quantity):
        return Text(cell.ends if column.ends else cell.text)
    if isinstance(cell, Change):
        return Text(cell.text if column.ends else cell.short, style=STYLES.get(cell.tone, ""))
    if isinstance(cell, Mark):
        style = STYLES.get(cell.tone, "")
        return Text(cell.text, style=f"bold {style}".strip() if cell.strong else style)
    return Text(cell.text)


class _Stack:
    """A table with a few lines for each row: its title, its numbers under their headings, and each of its other
    texts."""

    def __init__(self, table: Table, width: int) -> None:
        self.table, self.width = table, width
        places = range(len(table.columns))
        self.title = next((place for place in places if table.has(place, Name)), 0)
        beside = self.title + 1
        self.led = beside < len(table.columns) and table.has(beside, Names)
        later = [place for place in places if place > self.title]
        after = later[1:] if self.led else later
        self.texts = [place for place in after if self._is_text(place)]
        self.numbers = self._numbers([place for place in later if place not in self.texts])
        if self.numbers is None:
            self.texts = later

    def lines(self) -> Iterator[Text]:
        usual, before = self.table.usual, None
        heads = [heading(column, usual if place == self.title else "") for place, column in self._lead()]
        head = Text("  ".join(filter(None, heads)), style="dim") if self.numbers is None else self.numbers[0]
        yield from [head] if head.plain else []
        for number, row in enumerate(self.table.rows):
            lead = [_text(row.cells[place], column, usual) for place, column in self._lead()]
            title = Text(" " * GAP).join([text for text in lead if text.plain])
            title.stylize("bold")
            if title.plain != before or not self.table.columns[self.title].once:
                yield _whole(title)
            before = title.plain
            if self.numbers is not None and self.numbers[number + 1].plain.strip():
                yield self.numbers[number + 1]
            for place in self.texts:
                yield from self._text_lines(row.cells[place], self.table.columns[place])

    def _is_text(self, place: int) -> bool:
        """Whether its cells have lines of their own: names, changes, and prose that is more than a word."""
        words = [row.cells[place] for row in self.table.rows if isinstance(row.cells[place], Words)]
        prose = any(cell_len(cell.text) > SHORT for cell in words if isinstance(cell, Words))
        return prose or self.table.has(place, (Name, Names, Change))

    def _lead(self) -> list[tuple[int, Column]]:
        return list(enumerate(self.table.columns[: self.title + 1]))

    def _text_lines(self, cell: Cell, column: Column) -> Iterator[Text]:
        text = _text(cell, column)
        label = f"{heading(column)} " if self.numbers is None and column.right else ""
        if text.plain and not isinstance(cell, Picture):
            for line in wrapped(f"{label}{text.plain}", self.width - GAP):
                yield _whole(Text(f"{' ' * GAP}{line}", style=text.style))

    def _numbers(self, places: Sequence[int]) -> list[Text] | None:
        """A line of headings, the title's first, and one line of numbers for each row. None if they do not fit or are
        missing."""
        column = self.table.columns[self.title]
        head = replace(column, key="", heading=heading(column, self.table.usual), once=False)
        picked = self.table.pick(" ".join(self.table.columns[place].key for place in places))
        for candidate in _fewer(picked):
            rest = candidate.columns[1:] if self.led else candidate.columns
            if not rest:
                return None
            rows = tuple(replace(row, cells=self._indented(row.cells)) for row in candidate.rows)
            found = _Grid(Table("", "", (head, *rest), rows)).within(self.width)
            if found is not None and len(found) == len(rows) + 1:
                return found
        return None

    def _indented(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        first = Name(f"{' ' * GAP}{text_of(cells[0])}") if self.led else Name(" " * GAP)
        return (first, *(cells[1:] if self.led else cells))


def _whole(text: Text) -> Text:
    return Text(text.plain.replace(BLANK, " "), style=text.style, spans=text.spans)
