"""A report's tables on the run itself: cases without samples, processes, binaries, the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.values.profile import SiteBinary

from ..figures import UNKNOWN, clean, number, percent
from ..table import Cell, Column, Mark, Name, Number, Row, T, Table, Words
from ..views.binary_view import ArmBinaries
from ..views.run_view import unit_words
from ..views.view import View

TOLD = (
    "Instructions per weight: of the hot loop, per multiply-add that the whole call makes with int4 weights; the "
    "kernels of a call add up. Load: the most frequent of the loop, a thread."
)


def problems(view: View) -> Table:
    """Cases without samples, the worst first."""
    columns = (Column("case", "Case"), Column("arm", "Arm"), Column("status", "Status"), Column("reason", "Why"))
    rows = []
    for place, row in enumerate(view.problems):
        why = Words(row.reason, "wide")
        cells = (Name(row.case, long=True), Name(row.arm), Mark(row.status, "worse"), why)
        rows.append(Row(cells, place // 10, row.status))
    return Table("problems", "Cases without a measurement", columns, tuple(rows))


def processes(view: View) -> Table:
    """Medians of every fresh process, if there were several."""
    most = max((len(found.lanes) for found in view.processes), default=0)
    numbers = [Column(f"process_{place}", f"Process {place}", right=True) for place in range(1, most + 1)]
    columns = (
        Column("case", "Case"), Column("arm", "Arm"), Column("unit", "Unit"), *numbers,
        Column("spread", "Spread", right=True),
    )  # fmt: skip
    rows = []
    for found in view.processes:
        medians: list[Cell] = [Number(value, number(value, 4)) for value in found.medians]
        medians += [None] * (most - len(medians))
        name, unit = Name(found.name, long=True, code=False), Words(unit_words(found.unit), "nowrap")
        rows.append(Row((name, Name(found.arm), unit, *medians, Number(found.apart, percent(found.apart)))))
    caption = "Medians of every fresh process, none left out. Spread: the largest over the smallest, less one."
    return Table("processes", "Median of every case in each process", columns, tuple(rows), caption)


HEADINGS = (
    "Op and site", "Kernel", "Launches a step", "Grid", "Warps", "Registers", "Spills, bytes", "Shared, bytes",
    "Instructions per weight of the call", "Load, bytes", "Blocks per SM",
)  # fmt: skip


def binaries(found: ArmBinaries) -> Table:
    """The compiled Triton kernels of an arm's decode step."""
    columns = tuple(
        Column(heading.lower().replace(" ", "_"), heading, right=place > 1) for place, heading in enumerate(HEADINGS)
    )
    notes = tuple(f"{place}: {why}" for place, why in found.not_read)
    return Table("binaries", f"Binaries of {found.arm}", columns, tuple(map(_binary, found.rows)), TOLD, notes)


def _binary(row: SiteBinary) -> Row:
    """One row. It shows the most frequent load width of the hot loop and, if it differs, the widest."""
    binary = row.binary
    counted = _known(binary.instructions_per_weight, number) + " (no loop)" * (binary.counted_over == "kernel")
    load = _known(binary.load_bytes, str)
    if binary.widest_load_bytes is not None and binary.widest_load_bytes != binary.load_bytes:
        load += f" (widest {binary.widest_load_bytes})"
    last = max((place for place, size in enumerate(row.grid) if size != 1), default=0)
    grid = " x ".join(f"{size:,}" for size in row.grid[: last + 1])
    words = (
        f"{row.launches:,}", grid, str(binary.num_warps), str(binary.registers), str(binary.spill_bytes),
        f"{binary.shared_bytes:,}", counted, load, _known(binary.blocks_per_sm, str),
    )  # fmt: skip
    return Row((Name(clean(row.place)), Name(clean(binary.kernel), mono=True), *map(Words, words)))


def _known(value: T | None, words: Callable[[T], str]) -> str:
    return UNKNOWN if value is None else words(value)


def pairs(name: str, title: str, heading: str, found: Iterable[tuple[str, str]]) -> Table:
    """Pairs of a head word and its text. A word is not repeated below itself."""
    columns = (Column("name", heading, once=True), Column("value", ""))
    return Table(name, title, columns, tuple(Row((Words(word), Words(value))) for word, value in found))


def machine(view: View, *more: tuple[str, str]) -> Table:
    """Facts of the environment by name."""
    return pairs("machine", "Machine", "Machine", [*view.headline.environment, *more])
