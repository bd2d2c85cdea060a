"""Markdown within a size limit: rows of an oversized text are dropped and counted, the least important first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..table import Row, Table
from . import markdown_table

LIMIT_BYTES = 60_000
"""GitHub takes 65,536 characters in a description or comment. The rest is for the author's own text around it."""

_NOTE_BYTES = 200
"""Room for the sentence that counts a table's lost rows."""

_LEFT_OUT = "The rest of this report is left out: it does not fit into {} bytes."


Block = str | Table


def fit(blocks: Sequence[Block], limit_bytes: int = LIMIT_BYTES) -> str:
    """The blocks as one text of at most `limit_bytes` in UTF-8, rows in their order, empty blocks left out."""
    tables = [block for block in blocks if isinstance(block, Table)]
    kept = {id(table): [True] * len(table.rows) for table in tables}
    text = _joined(blocks, kept)
    if _bytes(text) <= limit_bytes:
        return text
    room = limit_bytes - _NOTE_BYTES * len(tables)
    pool = [(row.rank, place, table) for table in tables for place, row in enumerate(table.rows)]
    kept = {id(table): [False] * len(table.rows) for table in tables}
    room -= _bytes(_joined(blocks, {key: [] for key in kept}, empty=True))
    for _, place, table in sorted(pool, key=lambda item: item[:2]):
        cost = _bytes("| " + " | ".join(markdown_table.cells_of(table.rows[place])) + " |\n")
        if cost > room:
            break
        room -= cost
        kept[id(table)][place] = True
    return _cut(blocks, kept, limit_bytes)


def _cut(blocks: Sequence[Block], kept: dict[int, list[bool]], limit_bytes: int) -> str:
    """Drop whole blocks from the end if even empty tables do not fit."""
    for end in range(len(blocks), 0, -1):
        said = [] if end == len(blocks) else [_LEFT_OUT.format(f"{limit_bytes:,}")]
        text = _joined([*blocks[:end], *said], kept)
        if _bytes(text) <= limit_bytes:
            return text
    return _joined([_LEFT_OUT.format(f"{limit_bytes:,}")], kept)


def _joined(blocks: Sequence[Block], kept: dict[int, list[bool]], *, empty: bool = False) -> str:
    def text(block: Block) -> str:
        if isinstance(block, str):
            return block
        return markdown_table.render(block, ()) if empty else _table(block, kept[id(block)])

    return "\n\n".join(part for block in blocks if (part := text(block))) + "\n"


def _table(table: Table, kept: Sequence[bool]) -> str:
    """The rows that are kept, and a count of the others."""
    lost = [row for row, keep in zip(table.rows, kept, strict=True) if not keep]
    if not lost:
        return markdown_table.render(table)
    shown: list[Row] = [row for row, keep in zip(table.rows, kept, strict=True) if keep]
    kinds = Counter(row.kind for row in lost if row.kind)
    spread = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(6))
    note = f"{len(lost):,} of {len(table.rows):,} rows are left out{f' ({spread})' if spread else ''}."
    return f"{markdown_table.render(table, shown)}\n\n{note}" if shown else note


def _bytes(text: str) -> int:
    return len(text.encode())
