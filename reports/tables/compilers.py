"""A suite's kernels under several releases of Triton: the matrix, the changes in figures, and every cell."""

from __future__ import annotations

from collections.abc import Iterator

from harness.values.binary import Binary
from harness.values.compilers import Cell as Compilation
from harness.values.compilers import CompilerMatrix, MatrixRow
from harness.values.measurement import Status
from harness.values.static_comparison import StaticVerdict

from ..figures import UNKNOWN, clean
from ..table import Cell, Column, Mark, Name, Row, Table, Words

FIGURES = {
    "registers": "regs", "spill_bytes": "spill B", "stack_bytes": "frame B", "shared_bytes": "shared B",
    "blocks_per_sm": "blocks/SM", "load_bytes": "B/load", "instructions": "instr", "code_bytes": "code B",
    "sgprs": "SGPRs", "agprs": "AGPRs", "waves_per_simd": "waves/SIMD",
}  # fmt: skip
"""Headings of a binary's figures, by field name. For AMD targets they stand for VGPRs, scratch, LDS and workgroups of a
compute unit."""
LETTERS = {"registers": "r", "spill_bytes": "sp", "shared_bytes": "sh", "blocks_per_sm": "x", "load_bytes": "B"}
TOLD = (
    "A cell: registers (r), bytes of spills (sp) and shared memory (sh), blocks per SM (x), bytes a load (B), "
    "instructions of the hot loop (i); `=` is the version in use's. For gfx targets: VGPRs, LDS, workgroups per unit."
)


def matrix(found: CompilerMatrix, chosen_alone: bool = False) -> Table:
    """One row for each case, one cell for each version and target, the version in use first."""
    names = [found.base, *(version.name for version in found.versions if version.name != found.base)]
    places = [(target, name) for target in found.targets for name in names]
    columns = (
        Column("case", "Case"), Column("configuration", "Configuration"),
        *(Column(f"{target}_{name}", f"{target} {clean(name)}", extra=name != found.base) for target, name in places),
    )  # fmt: skip
    rows = []
    for row in found.rows:
        if chosen_alone and not row.chosen:
            continue
        cells = {(cell.target, cell.version): cell for cell in row.cells}
        shown = (_short(cells[place], cells[place[0], found.base]) for place in places)
        rows.append(Row((Name(clean(row.question), long=True), Name(_answer(row)), *shown), _rank(row)))
    return Table("compilers", "Every version and target", columns, tuple(rows), TOLD)


def changed(found: CompilerMatrix) -> Table:
    """Every cell that differs from the version in use, with both figures. Gating cells come first."""
    columns = (
        Column("verdict", ""), Column("gates", "Gates"), Column("case", "Case"),
        Column("configuration", "Configuration"), Column("target", "Target"), Column("version", "Triton"),
        *(Column(key, FIGURES[key], right=True, sparse=True, extra=at > 4) for at, key in enumerate(FIGURES)),
        Column("cpu_s", "compile s", right=True, extra=True),
    )  # fmt: skip
    gating = {(row.name, cell.version, cell.target) for row, cell in found.gating()}
    rows = []
    for row, base, cell in _pairs(found):
        if cell.verdict is not None and cell.verdict not in (StaticVerdict.SAME, StaticVerdict.UNKNOWN):
            gates = (row.name, cell.version, cell.target) in gating
            cells = (
                Mark(str(cell.verdict), cell.verdict.tone),
                Words("yes" if gates else "no"),
                *_told(row, base, cell),
            )
            rows.append(Row(cells, cell.verdict.rank + 10 * (not gates), str(cell.verdict)))
    rows.sort(key=lambda row: row.rank)
    return Table("compiler_changes", "Differences", columns, tuple(rows)).known


def _told(row: MatrixRow, base: Compilation, cell: Compilation) -> Iterator[Cell]:
    yield from (
        Name(clean(row.question), long=True),
        Name(_answer(row)),
        Words(cell.target),
        Words(clean(cell.version)),
    )
    yield from (_figure(base.main, cell.main, key) for key in FIGURES)
    yield Words(_change(f"{base.cpu_s:.1f}", f"{cell.cpu_s:.1f}"))


def _pairs(found: CompilerMatrix) -> Iterator[tuple[MatrixRow, Compilation, Compilation]]:
    """Each cell together with the cell of the version in use."""
    for row in found.rows:
        bases = {cell.target: cell for cell in row.cells if cell.version == found.base}
        yield from ((row, bases[cell.target], cell) for cell in row.cells if cell.version != found.base)


def _rank(row: MatrixRow) -> int:
    worst = min((cell.verdict.rank for cell in row.cells if cell.verdict is not None), default=4)
    return worst + 10 * (not row.chosen)


def _answer(row: MatrixRow) -> str:
    return clean(row.answer) + ("" if row.chosen else " (neighbour)")


def _short(cell: Compilation, base: Compilation) -> Cell:
    if cell.status is not Status.OK:
        return Mark(str(cell.status), "alarm" if cell.status is Status.FAILED else "unclear")
    if cell.main is None:
        return None
    if cell.verdict is StaticVerdict.SAME:
        return Words("=")
    words = " ".join(f"{getattr(cell.main, key)}{letter}" for key, letter in LETTERS.items() if _shown(cell.main, key))
    words += f" {cell.main.instructions}i"
    if cell.verdict is StaticVerdict.WORSE:
        return Mark(f"{words} WORSE", cell.verdict.tone)
    return Words(words)


def _shown(binary: Binary, key: str) -> bool:
    """Whether to show a figure: spills only if there are any."""
    value = getattr(binary, key)
    return value is not None and (key != "spill_bytes" or value > 0)


def _figure(base: Binary | None, own: Binary | None, key: str) -> Words | None:
    values = [None if binary is None else getattr(binary, key) for binary in (base, own)]
    if values == [None, None]:
        return None
    return Words(_change(*(UNKNOWN if value is None else f"{value:,}" for value in values)))


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"
