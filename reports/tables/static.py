"""What two sides compile to: every kernel that is not the same, with both sides' figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.values.static_comparison import KernelChange, StaticCase, StaticComparison, StaticVerdict

from ..figures import UNKNOWN, clean
from ..table import Cell, Column, Mark, Name, Row, Table, Words

FIGURES: Mapping[str, str] = {
    "registers": "regs",
    "spill_bytes": "spill B",
    "blocks_per_sm": "blocks/SM",
    "load_bytes": "B/load",
    "instructions_per_weight": "instr/weight",
    "shared_bytes": "shared B",
}
"""Headings of a binary's figures, by their names; the first four explain most of a change in time."""


def changed_kernels(found: StaticComparison) -> Table:
    """The worst case first."""
    columns = (
        Column("verdict", ""), Column("case", "Case"), Column("target", "Target"), Column("kernel", "Kernel"),
        *(Column(key, heading, right=True, extra=place > 3) for place, (key, heading) in enumerate(FIGURES.items())),
    )  # fmt: skip
    rows = []
    for case, kernel in _changed(found):
        cells: tuple[Cell, ...] = (
            Mark(str(case.verdict), case.verdict.tone), Name(clean(case.case), long=True), Words(case.target),
            Name(clean(kernel.name), mono=True), *(Words(figure(kernel, name)) for name in FIGURES),
        )  # fmt: skip
        rows.append(Row(cells, case.verdict.rank, str(case.verdict)))
    return Table("changed_kernels", "Kernels that are not the same", columns, tuple(rows))


def _changed(found: StaticComparison) -> Iterator[tuple[StaticCase, KernelChange]]:
    for case in sorted(found.cases, key=lambda case: case.verdict.rank):
        for kernel in case.kernels:
            if not kernel.same and case.verdict in (StaticVerdict.WORSE, StaticVerdict.CHANGED):
                yield case, kernel


def figure(kernel: KernelChange, name: str) -> str:
    """`96 -> 168`, `96` where both are equal, and what a side that does not launch it lacks."""
    before, after = (None if b is None else getattr(b, name) for b in (kernel.base, kernel.head))
    words = [UNKNOWN if v is None else f"{v:.3g}" if isinstance(v, float) else f"{v:,}" for v in (before, after)]
    return words[0] if words[0] == words[1] else f"{words[0]} -> {words[1]}"
