"""Figures of outside programs, for every arm."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import clean, gib, number
from ..table import Change, Column, Name, Quantity, Row, Table, Words, maybe
from ..views.figure_view import FigureGroup
from ..views.view import View
from .kernels import arms, energy


def outside_figures(view: View, groups: Sequence[FigureGroup]) -> Table:
    """Figures in the order of the plan."""
    columns = (
        Column("figure", "Figure", once=True),
        Column("arm", "Arm"),
        Column("value", "Value", right=True),
        Column("unit", "Unit"),
        Column("per_s", "A second", right=True, sparse=True),
        Column("change", "Against {}", view.arms[0]),
        Column("peak_bytes", "Peak GiB", right=True, sparse=True, extra=True),
        Column("first_token_us", "First token, ms", right=True, sparse=True, extra=True),
        Column("energy_mj", "mJ each", right=True, sparse=True),
    )
    rows = []
    for group in groups:
        for place, row in enumerate(group.rows):
            m = row.measurement
            words = "" if group.is_time or row.ratio is None else row.ratio.worded("more", "less")
            cells = (
                Name(group.name, ", ".join(filter(None, (group.axes, group.engine)))), arms(view, row.arms),
                Quantity(row.value), Words(group.unit, "nowrap"),
                Quantity(row.per_s, group.thing) if row.per_s else None,
                Change(row.ratio, words) if row.ratio else None, maybe(m.peak_memory_bytes, gib),
                maybe(m.first_token_us, lambda us: number(us / 1e3)), energy(m)[0],
            )  # fmt: skip
            rows.append(Row(cells, min(place, 1)))
    caption = "Less is better; the rate of a figure that is the time of one of something stands beside it."
    return Table("figures", "Figures of external programs", columns, tuple(rows), caption, _notes(groups))


def _notes(groups: Sequence[FigureGroup]) -> tuple[str, ...]:
    """Notes on the kept outputs, such as checksums, each arm's once."""
    found = (
        f"{', '.join(row.arms)}: {clean(note, 400)}" for group in groups for row in group.rows
        for note in row.measurement.notes
    )  # fmt: skip
    return tuple(dict.fromkeys(found))
