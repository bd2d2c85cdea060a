"""The whole model: decode steps or prefill passes of every arm."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import count, gib, grouped, number, one_name, percent, seconds, signed
from ..table import Change, Column, Name, Number, Quantity, Row, Table, Words, maybe
from ..views.decode_view import Explained, ModelGroup, Part
from ..views.view import View
from .kernels import arms, energy

MOST_PARTS = 4
"""Kernels that a row of `reconciled` names, those with the largest effect."""


def models(view: View, groups: Sequence[ModelGroup]) -> Table:
    """Groups of one kind, in the order of the plan."""
    kind = groups[0].kind
    columns = (
        Column("case", kind.capitalize(), once=True),
        Column("arm", "Arm"),
        Column("tok_s", "tok/s", right=True),
        Column("time_us", f"us per {'step' if kind == 'decode' else 'pass'}", right=True),
        Column("change", "Against {}", view.arms[0]),
        Column("bound_share", "Of bound", right=True),
        Column("launches", "Launches", right=True, sparse=True, extra=True),
        Column("peak_bytes", "Peak GiB", right=True, sparse=True, extra=True),
        Column("capture_s", "Capture, s", right=True, sparse=True),
        Column("first_token_us", "First token, ms", right=True, sparse=True),
        Column("energy_mj", "mJ per token", right=True, sparse=True),
        Column("net_mj", "mJ, net", right=True, sparse=True, extra=True),
    )
    rows = []
    for group in groups:
        for place, row in enumerate(group.rows):
            m = row.measurement
            cells = (
                Name(group.axes, group.engine, code=False), arms(view, row.arms), Quantity(row.tok_s),
                Quantity(row.time), Change(row.ratio) if row.ratio else None, maybe(row.bound_share, percent),
                maybe(row.launches, count), maybe(m.peak_memory_bytes, gib), maybe(m.capture_s or None, seconds),
                maybe(m.first_token_us, lambda us: number(us / 1e3)), *energy(m),
            )  # fmt: skip
            rows.append(Row(cells, min(place, 1), f"{kind}s"))
    return Table(kind, f"{kind.capitalize()} of every arm", columns, tuple(rows))


def reconciled(view: View) -> Table:
    """Whether the kernels' savings add up to the decode's, for each arm and shape."""
    columns = (
        Column("case", "Decode", once=True),
        Column("arm", "Arm"),
        Column("predicted_us", "Kernels predict, us", right=True),
        Column("measured_us", "Step measured, us", right=True),
        Column("left_us", "Apart, us", right=True),
        Column("parts", "Largest parts, calls x us"),
    )
    rows = []
    for entry in view.explained:
        cells = (
            Name(entry.title, code=False), Name(entry.head), _saved(entry.predicted_us, entry.predicted_half_us),
            _saved(entry.measured_us, entry.measured_half_us), Number(-entry.left_us, signed(-entry.left_us)),
            Words(_parts(entry), "wide"),
        )  # fmt: skip
        rows.append(Row(cells))
    base = view.explained[0].base if view.explained else ""
    caption = (
        f"Change of a step against {base}. The kernels' sum comes from times alone, or without an interval from one "
        "profile of each arm."
    )
    return Table("reconciled", "Do the kernels explain it?", columns, tuple(rows), caption)


def _saved(saved_us: float, half_us: float) -> Number:
    """The change of a step: a saving is below zero."""
    half = f" ± {grouped(half_us)}" if half_us else ""
    return Number(-saved_us, f"{signed(-saved_us)}{half}")


def _parts(entry: Explained) -> str:
    def effect(part: Part) -> float:
        return -abs(part.saving_us * part.calls)

    largest = sorted(entry.parts, key=effect)
    named = [f"{one_name(part.name)} {part.calls} x {signed(-part.saving_us)}" for part in largest[:MOST_PARTS]]
    more = f" and {len(largest) - MOST_PARTS} more" if len(largest) > MOST_PARTS else ""
    return f"{', '.join(named)}{more}"
