"""Compiled code of two sides: every kernel that differs, with both sides' figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.values.binary import Binary
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
"""Headings of a binary's figures, by field name. The first four explain most of a change in time."""


AMD_FIGURES: Mapping[str, str] = {
    "sgprs": "SGPRs",
    "agprs": "AGPRs",
    "stack_bytes": "scratch B",
    "waves_per_simd": "waves/SIMD",
    "instructions": "instr",
    "warp": "wave",
}
"""The same for an AMD target, where registers are VGPRs, shared memory is LDS and a block is a workgroup."""


def amd_figure(binary: Binary | None, name: str) -> int | None:
    """None for another maker's kernel."""
    found: int | None = None if binary is None or binary.sgprs is None else getattr(binary, name)
    return found


def changed_kernels(found: StaticComparison) -> Table:
    """The worst case first."""
    columns = (
        Column("verdict", ""), Column("case", "Case"), Column("target", "Target"), Column("kernel", "Kernel"),
        *(Column(key, heading, right=True, extra=place > 3) for place, (key, heading) in enumerate(FIGURES.items())),
        *(Column(key, heading, right=True, sparse=True, extra=True) for key, heading in AMD_FIGURES.items()),
    )  # fmt: skip
    rows = []
    for case, kernel in _changed(found):
        cells: tuple[Cell, ...] = (
            Mark(str(case.verdict), case.verdict.tone), Name(clean(case.case), long=True), Words(case.target),
            Name(clean(kernel.name), mono=True), *(Words(figure(kernel, name)) for name in FIGURES),
            *(_of_amd(kernel, name) for name in AMD_FIGURES),
        )  # fmt: skip
        rows.append(Row(cells, case.verdict.rank, str(case.verdict)))
    return Table("changed_kernels", "Kernels that are not the same", columns, tuple(rows)).known


def _changed(found: StaticComparison) -> Iterator[tuple[StaticCase, KernelChange]]:
    for case in sorted(found.cases, key=lambda case: case.verdict.rank):
        for kernel in case.kernels:
            if not kernel.same and case.verdict in (StaticVerdict.WORSE, StaticVerdict.CHANGED):
                yield case, kernel


def figure(kernel: KernelChange, name: str) -> str:
    """`96 -> 168`, or `96` if both are equal. A side that does not launch the kernel shows as unknown."""
    before, after = (None if b is None else getattr(b, name) for b in (kernel.base, kernel.head))
    return _change(before, after)


def _of_amd(kernel: KernelChange, name: str) -> Words | None:
    before, after = amd_figure(kernel.base, name), amd_figure(kernel.head, name)
    return None if before is None and after is None else Words(_change(before, after))


def _change(*values: float | None) -> str:
    words = [UNKNOWN if v is None else f"{v:.3g}" if isinstance(v, float) else f"{v:,}" for v in values]
    return words[0] if words[0] == words[1] else f"{words[0]} -> {words[1]}"
