"""Kernels timed alone: one row for each answer to a question."""

from __future__ import annotations

from harness.values.measurement import Measurement
from harness.values.numerics import Sameness

from ..figures import count, milliseconds, number, percent, plural
from ..table import Cell, Change, Column, Name, Names, Number, Quantity, Row, Table, Words, maybe
from ..views.category_view import ArmKernels, Categories
from ..views.energy_view import millijoules
from ..views.kernel_view import KernelRow, is_sweep, timed_cold, usual_axes
from ..views.view import View

MEANING = "Error: rms against the float32 reference, and its limit."


def kernels_heading(view: View) -> str:
    return "Kernels, timed alone with cold weights" if timed_cold(view.kernels) else "Benchmarks"


def kernels(view: View) -> Table:
    """Rows in the order of the plan; a sweep lists its fastest."""
    against = ("the fastest", "") if is_sweep(view.kernels) else ("{}", view.arms[0] if view.arms else "")
    columns = (
        Column("kernel", "Kernel", once=True),
        Column("arm", "Arm"),
        Column("config", "Config"),
        Column("time_us", "us per call", right=True),
        Column("change", f"Against {against[0]}", against[1]),
        Column("read_share", "Of read", right=True),
        Column("gb_s", "GB/s", right=True),
        Column("in_model", "In model", right=True, extra=True, sparse=True),
        Column("calls", "Calls", right=True, sparse=True),
        Column("error", "Error (allowed)", right=True),
        Column("energy_mj", "mJ per call", right=True, sparse=True),
        Column("net_mj", "mJ, net", right=True, sparse=True, extra=True),
        Column("repeats", "Repeats", sparse=True, extra=True),
        Column("rows", "Row alone", sparse=True, extra=True),
    )
    in_step = any(group.calls for group in view.kernels)  # otherwise they belong to no model
    rows = []
    for group in view.kernels:
        for row in group.rows:
            cells: tuple[Cell, ...] = (
                Name(group.name, group.axes), arms(view, row.arms), Name(row.config),
                Quantity(row.estimate) if row.estimate else None, Change(row.ratio) if row.ratio else None,
                maybe(row.bound_share, percent), maybe(row.gb_s, number), maybe(row.in_model, lambda x: f"{x:.2f}x"),
                Number(group.calls, str(group.calls)) if in_step else None, _error(row),
                *energy(row.source.measurement), repeats(row.source.measurement), _row_alone(row.source.measurement),
            )  # fmt: skip
            rows.append(Row(cells))
    inside = any(row.in_model is not None for group in view.kernels for row in group.rows)
    of_model = "In model: time in the profiled decode over time alone. " if inside else ""
    left_out = tuple(
        f"{group.name}, {group.axes}: {plural(group.left_out, 'slower configuration is', 'slower configurations are')}"
        " not shown."
        for group in view.kernels if group.left_out
    )  # fmt: skip
    calls = "Calls: per decode step. " if in_step else ""
    cold = f"Weights come from memory. {of_model}{calls}{MEANING}" if timed_cold(view.kernels) else ""
    caption = f"{cold}{_labels(rows)}"
    return Table("kernels", "Kernels of every arm", columns, tuple(rows), caption, left_out, usual_axes(view.kernels))


def energy(measurement: Measurement | None) -> tuple[Quantity | None, Quantity | None]:
    """Joules per call or token, with the idle device's power and without."""
    gross, net = (millijoules(measurement, net=net) for net in (False, True))
    return Quantity(gross) if gross else None, Quantity(net) if net else None


def _labels(rows: list[Row]) -> str:
    """The meaning of the last two columns, if they are shown."""
    repeats, alone = (any(row.cells[place] is not None for row in rows) for place in (-2, -1))
    said = (
        " Repeats: the largest difference between equal calls beside a busy neighbour, of the output's size."
        if repeats else "",
        " Row alone: a row computed by itself against the same row in a larger call." if alone else "",
    )  # fmt: skip
    return "".join(said)


def arms(view: View, names: tuple[str, ...]) -> Names:
    """Arms that share a row."""
    every = len(names) > 1 and len(names) == len(view.arms)
    return Names(names, tuple(map(view.place, names)), every)


def _error(row: KernelRow) -> Number | None:
    """`3.0e-4 (2e-3)`: rms error and the op's tolerance, both relative to the reference."""
    found = row.source.measurement.correctness if row.source.measurement else None
    if found is None:
        return None
    return Number(found.rms_error, f"{found.rms_error:.1e} ({found.allowed_rms_error:.0e})")


def repeats(measurement: Measurement | None) -> Words | None:
    """How well the call repeats itself, unless it does so bit for bit."""
    found = measurement.numerics.determinism if measurement and measurement.numerics else None
    odd = found is not None and found.sameness is not Sameness.BITWISE
    return Words(found.words, "nowrap") if found and odd else None


def _row_alone(measurement: Measurement | None) -> Words | None:
    """The row computed alone against the same row among others."""
    found = measurement.numerics.batch_invariance if measurement and measurement.numerics else None
    return Words(found.words, "nowrap") if found and found.words else None


def profiled_kernels(table: Categories, arm: ArmKernels) -> Table:
    """The kernels that an arm launched, by their own names, longest first."""
    columns = (
        Column("kernel", "Kernel"),
        Column("category", "Category"),
        Column("place", "Op and site"),
        Column("calls", "Calls", right=True),
        Column("total_ns", "Total (ms)", right=True),
        Column("share", f"% {table.unit}", right=True),
    )
    rows = tuple(
        Row((
            Name(line.name, long=True, mono=True), Words(line.category),
            Words(line.scope or line.op) if line.scope or line.op else None,
            Number(line.calls, count(line.calls)), Number(line.total_ns, milliseconds(line.total_ns)),
            Number(arm.share(line), percent(arm.share(line))),
        ))
        for line in arm.lines
    )  # fmt: skip
    rest = f"{arm.left_out} shorter kernels, together {milliseconds(arm.left_out_ns)} ms, are not listed."
    return Table("profiled_kernels", f"Kernels of {arm.arm}", columns, rows, notes=(rest,) if arm.left_out else ())
