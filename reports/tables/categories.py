"""Where a decode step goes, by category: us per step of every arm, and totals of its profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..figures import count, number, percent
from ..table import Cell, Column, Name, Number, Row, Table, Words, maybe
from ..views.category_view import Categories, CategoryRow
from ..views.category_view import Cell as Share
from .kernels import milliseconds


def categories(table: Categories) -> Table:
    """The categories, their total, and what of the timed step no kernel fills. Only the categories of the last arm have
    launches, bytes and a floor."""
    last, floors = table.arms[-1], any(row.floor_tok_s for row in table.rows)
    columns = [Column("category", "Category")]
    columns += [Column(f"us_{i}", "{}, us", arm, right=True) for i, arm in enumerate(table.arms)]
    columns += [
        Column(f"share_{i}", f"{{}}, % {table.unit}", arm, right=True, extra=True) for i, arm in enumerate(table.arms)
    ]
    columns += [Column("launches", "Launches, {}", last, right=True, extra=True)]
    if table.moved:
        columns += [Column("mb", "MB", right=True, extra=True), Column("gb_s", "GB/s", right=True, extra=True)]
        columns += [Column("read_share", "Of read", right=True, extra=True)]
    if floors:
        columns += [Column("floor_tok_s", "At its floor, tok/s", right=True, extra=True)]
    rows = [Row(_cells(table, row, floors), place, "categories") for place, row in enumerate(table.rows)]
    rows += [Row(_cells(table, table.total, floors), foot=True)]
    rows += [Row(cells, foot=True) for cells in _rest(table, floors)]
    return Table("categories", f"{table.unit_time} by category, {table.axes}, {table.engine}",
                 tuple(columns), tuple(rows), _caption(table, floors))  # fmt: skip


def _caption(table: Categories, floors: bool) -> str:
    last = table.arms[-1]
    found = f"us per decode step, {table.axes}, from {table.steps} profiled {table.engine} steps of each arm."
    if floors and table.moved:
        found += f" MB: the least that a step of {last} has to move."
    if floors:
        found += f" At its floor: the rate of {last} if the category took only the time of its bytes."
    return found


def _cells(table: Categories, row: CategoryRow, floors: bool) -> tuple[Cell, ...]:
    def of(value: Callable[[Share], float], text: Callable[[float], str]) -> list[Cell]:
        return [Number(value(cell), text(value(cell))) if cell else None for cell in row.cells]

    last = row.cells[-1]
    moved: list[Cell] = [Words("")] * 3
    if row is not table.total:
        moved = [
            maybe(row.least_bytes, lambda b: number(b / 1e6)),
            maybe(row.gb_s, number),
            maybe(row.read_share, percent),
        ]
    floor = [Number(row.floor_tok_s, number(row.floor_tok_s)) if row.floor_tok_s else Words("")] if floors else []
    return (
        Name(row.name, code=False), *of(lambda c: c.step_us, number), *of(lambda c: c.share, percent),
        Number(last.launches, count(last.launches)) if last else None, *(moved if table.moved else []), *floor,
    )  # fmt: skip


def _rest(table: Categories, floors: bool) -> Sequence[tuple[Cell, ...]]:
    """Overlap, what is between kernels, and the step, in the columns of us alone."""
    many = len(table.arms) + 1 + (3 if table.moved else 0) + floors

    def row(name: str, values: Sequence[Cell], floor: Cell = None) -> tuple[Cell, ...]:
        rest: list[Cell] = [Words("")] * many
        return (Name(name, code=False), *values, *([*rest[:-1], floor] if floor else rest))

    found = []
    if table.overlapping:
        found.append(
            row("overlap of kernels", [Number(-us, f"-{number(us)}") if us else None for us in table.overlap_us])
        )
    if table.step_engine:
        floor = maybe(table.between_floor_tok_s, number) if floors else None
        found.append(row("between kernels", [maybe(us, number) for us in table.between_us], floor))
        found.append(row(f"step, {table.step_engine}", [maybe(us, lambda us: number(us, 4)) for us in table.step_us]))
    return found


def totals(table: Categories, places: Sequence[int] | None = None) -> Table:
    """Category | Total (ms) | % GPU, as it is published: a pair of columns an arm. places: of the arms; all when left
    out."""
    shown = range(len(table.arms)) if places is None else places
    many = len(shown) > 1
    columns = [Column("category", "Category")]
    for place in shown:
        of, arm = (", {}", table.arms[place]) if many else ("", "")
        columns.append(Column(f"total_ns_{place}", f"Total (ms){of}", arm, right=True))
        columns.append(Column(f"share_{place}", f"% {table.unit}{of}", arm, right=True))
    rows = []
    for rank, row in enumerate((*table.rows, table.total)):
        cells = [row.cells[place] for place in shown]
        if any(cells):
            found = [part for cell in cells for part in _total(cell)]
            total = row is table.total
            rows.append(Row((Name(row.name, code=False), *found), 0 if total else rank, "categories", foot=total))
    arms = ", ".join(table.arms[place] for place in shown)
    caption = f"Over {table.steps} decode steps."
    return Table("totals", f"Category totals of {arms}", tuple(columns), tuple(rows), caption)


def _total(cell: Share | None) -> tuple[Cell, Cell]:
    if cell is None:
        return None, None
    return Number(cell.total_ns, milliseconds(cell.total_ns)), Number(cell.share, percent(cell.share))
