"""The whole model: decode steps or prefill passes of every arm."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import count, gib, number, percent, seconds
from ..table import Change, Column, Name, Quantity, Row, Table, maybe
from ..views.decode_view import ModelGroup
from ..views.view import View
from .kernels import arms, energy


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
