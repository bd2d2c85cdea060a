"""The accounts of a decode step: kernels, overlap and gaps of its profile beside the step that was timed."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import count, number, percent
from ..table import Column, Name, Number, Row, Table
from ..views.step_view import StepParts


def step_parts(parts: Sequence[StepParts]) -> Table:
    """One row for each arm; the overlap's column only where kernels overlap."""
    columns = (
        Column("arm", "Step of"),
        Column("kernels", "Kernels", right=True),
        Column("copies", "Copies, memsets", right=True, extra=True),
        Column("sum_us", "Kernel time, us", right=True),
        Column("overlap_us", "Overlap, us", right=True),
        Column("gaps_us", "Gaps, us", right=True),
        Column("profiled_us", "Profiled step, us", right=True),
        Column("timed_us", "Timed step, us", right=True),
        Column("share", "Covered", right=True),
    )
    caption = (
        "Do the kernels explain the step? Kernel time less overlap plus gaps is the profiled step. The timed step ran "
        "without a profiler. Covered: share of the timed step in which a kernel runs."
    )
    table = Table("step_parts", "Do the kernels explain the step?", columns, tuple(map(_row, parts)), caption)
    return table if any(one.overlap_us for one in parts) else table.without(["overlap_us"])


def _row(one: StepParts) -> Row:
    overlap = Number(-one.overlap_us, f"-{number(one.overlap_us)}") if one.overlap_us else None
    return Row((
        Name(one.arm), Number(one.kernels, count(one.kernels)), Number(one.copies, count(one.copies)),
        Number(one.sum_us, number(one.sum_us, 4)), overlap, Number(one.gaps_us, number(one.gaps_us)),
        Number(one.profiled_us, number(one.profiled_us, 4)), Number(one.timed_us, number(one.timed_us, 4)),
        Number(one.share, percent(one.share)),
    ))  # fmt: skip
