"""What a report says of the run itself: cases without samples, processes, binaries, the machine."""

from __future__ import annotations

from collections.abc import Iterable

from ..figures import number, percent
from ..table import Cell, Column, Mark, Name, Number, Row, Table, Words
from ..views.binary_view import HEADINGS, ArmBinaries, cells
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
    """Medians of every fresh process, where several were run."""
    most = max((len(row.medians) for row in view.processes), default=0)
    numbers = [Column(f"process_{place}", f"Process {place}", right=True) for place in range(1, most + 1)]
    columns = (
        Column("case", "Case"), Column("arm", "Arm"), Column("unit", "Unit"), *numbers,
        Column("spread", "Spread", right=True),
    )  # fmt: skip
    rows = []
    for row in view.processes:
        medians: list[Cell] = [Number(value, number(value, 4)) for value in row.medians]
        medians += [None] * (most - len(medians))
        name = Name(row.name, long=True, code=False)
        rows.append(
            Row((name, Name(row.arm), Words(row.unit, "nowrap"), *medians, Number(row.spread, percent(row.spread))))
        )
    caption = "Medians of every fresh process, none left out. Spread: the largest over the smallest, less one."
    return Table("processes", "Median of every case in each process", columns, tuple(rows), caption)


def binaries(found: ArmBinaries) -> Table:
    """What the Triton kernels of an arm's decode step were compiled to."""
    columns = tuple(
        Column(heading.lower().replace(" ", "_"), heading, right=place > 1) for place, heading in enumerate(HEADINGS)
    )
    rows = []
    for row in found.rows:
        place, kernel, *rest = cells(row)
        rows.append(Row((Name(place), Name(kernel, mono=True), *map(Words, rest))))
    notes = tuple(f"{place}: {why}" for place, why in found.not_read)
    return Table("binaries", f"Binaries of {found.arm}", columns, tuple(rows), TOLD, notes)


def pairs(name: str, title: str, heading: str, found: Iterable[tuple[str, str]]) -> Table:
    """A word, and what is said of it; a word is not said again below itself."""
    columns = (Column("name", heading, once=True), Column("value", ""))
    return Table(name, title, columns, tuple(Row((Words(word), Words(value))) for word, value in found))


def machine(view: View, *more: tuple[str, str]) -> Table:
    """Facts of the environment by name."""
    return pairs("machine", "Machine", "Machine", [*view.headline.environment, *more])
