"""The time of a decode step by category: us per step of every arm, and totals of its profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..figures import count, milliseconds, number, percent
from ..table import Cell, Column, Name, Number, Row, Table, Words, maybe
from ..views.category_view import Categories, CategoryRow
from ..views.category_view import Cell as Share


def categories(table: Categories) -> Table:
    """The categories, their total, and the part of the timed step that no kernel fills. Only the categories of the last
    arm have launches, bytes and a floor."""
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

    def row(cells: Mapping[str, Cell], rank: int = 0, kind: str = "") -> Row:
        return Row(tuple(cells.get(column.key, Words("")) for column in columns), rank, kind, foot=not kind)

    rows = [row(_cells(table, found), place, "categories") for place, found in enumerate(table.rows)]
    rows += map(row, (_cells(table, table.total), *_rest(table)))
    return Table("categories", f"{table.unit_time} by category, {table.axes}, {table.engine}",
                 tuple(columns), tuple(rows), _caption(table, floors))  # fmt: skip


def _caption(table: Categories, floors: bool) -> str:
    last = table.arms[-1]
    found = f"us per decode step, {table.axes}, from {table.steps} profiled {table.engine} steps of each arm."
    kernels = table.kernels[-1].per_step
    whole = table.total.cells[-1]
    if whole and kernels and round(whole.launches - kernels):  # operators of a CPU are no launches
        found += f" Launches of {last}: {count(kernels)} kernels, the rest copies and memsets."
    if floors and table.moved:
        found += f" MB: the least that a step of {last} has to move."
    if floors:
        found += f" At its floor: the rate of {last} if the category took only the time of its bytes."
    return found


def _cells(table: Categories, row: CategoryRow) -> dict[str, Cell]:
    """Cells by the keys of their columns. Other columns stay empty."""
    cells: dict[str, Cell] = {"category": Name(row.name, code=False)}
    for place, cell in enumerate(row.cells):
        cells[f"us_{place}"] = Number(cell.step_us, number(cell.step_us)) if cell else None
        cells[f"share_{place}"] = Number(cell.share, percent(cell.share)) if cell else None
    last = row.cells[-1]
    cells["launches"] = Number(last.launches, count(last.launches)) if last else None
    if row is not table.total:
        cells["mb"] = maybe(row.least_bytes, lambda count: number(count / 1e6))
        cells |= {"gb_s": maybe(row.gb_s, number), "read_share": maybe(row.read_share, percent)}
    if row.floor_tok_s:
        cells["floor_tok_s"] = Number(row.floor_tok_s, number(row.floor_tok_s))
    return cells


def _rest(table: Categories) -> Iterator[dict[str, Cell]]:
    """Overlap, the time between kernels, and the step, only in the columns of us."""

    def row(name: str, values: Sequence[Cell]) -> dict[str, Cell]:
        return {"category": Name(name, code=False)} | {f"us_{place}": cell for place, cell in enumerate(values)}

    if table.overlapping:
        yield row("overlap of kernels", [Number(-us, f"-{number(us)}") if us else None for us in table.overlap_us])
    if table.step_engine:
        floor = maybe(table.between_floor_tok_s, number)
        between = row("between kernels", [maybe(us, number) for us in table.between_us])
        yield between | ({"floor_tok_s": floor} if floor else {})
        yield row(f"step, {table.step_engine}", [maybe(us, lambda us: number(us, 4)) for us in table.step_us])


def totals(table: Categories, places: Sequence[int] | None = None) -> Table:
    """Category | Total (ms) | % GPU, as published: a pair of columns for each arm. places: indices of the arms; all if
    omitted."""
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
