"""The figures of a suite's kernels over releases of Triton and days, and the changes that came from a compiler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from harness.values.compilers import Cell, CompilerMatrix

from ..charts.small_charts import steps_svg
from ..figures import clean
from ..table import Column, Name, Picture, Row, Table, Words

DRAWN = {"registers": "Registers", "instructions": "Instructions", "spill_bytes": "Spills"}
Key = tuple[str, str]
Seen = tuple[str, str, Cell]
"""Day, version of Triton, and the compiled cell."""


def over_versions(found: Sequence[CompilerMatrix]) -> Table:
    """A row for each chosen configuration and target that more than one release or day compiled: its figures in the
    order of releases, and the first release and day of each change. found: oldest first."""
    columns = (
        Column("case", "Case"), Column("target", "Target"),
        *(Column(key, heading) for key, heading in DRAWN.items()), Column("changes", "Changed by"),
    )  # fmt: skip
    rows = []
    for (name, target), seen in _seen(found).items():
        if len(seen) > 1:
            pictures = (_drawn(seen, key) for key in DRAWN)
            changes = list(_changes(seen))
            said = Words("; ".join(changes) or "nothing", "wide")
            rows.append(Row((Name(clean(name), long=True), Words(target), *pictures, said), rank=not changes))
    rows.sort(key=lambda row: row.rank)
    return Table("over_versions", "Over releases of Triton", columns, tuple(rows))


def _seen(found: Sequence[CompilerMatrix]) -> dict[Key, list[Seen]]:
    """Cells by case and target. A release counts again if its output differs from the last time: then the kernel
    changed, not the compiler."""
    seen: dict[Key, list[Seen]] = {}
    for matrix in found:
        triton = {version.name: version.triton for version in matrix.versions}
        for row in matrix.rows:
            for cell in row.cells if row.chosen else ():
                if cell.main is None:
                    continue
                known = seen.setdefault((row.name, cell.target), [])
                own = [one for one in known if one[1] == triton[cell.version]]
                if not own or _code(own[-1][2]) != _code(cell):
                    known.append((matrix.started[:10], triton[cell.version], cell))
    for several in seen.values():
        several.sort(key=lambda one: (_release(one[1]), one[0]))
    return seen


def _changes(seen: Sequence[Seen]) -> Iterator[str]:
    for (_, before, old), (day, triton, new) in pairwise(seen):
        if _code(old) == _code(new):
            continue
        figures = [
            f"{heading.lower()} {getattr(old.main, key)} -> {getattr(new.main, key)}"
            for key, heading in DRAWN.items()
            if getattr(old.main, key) != getattr(new.main, key)
        ]
        who = f"{triton} (first seen {day})" if triton != before else f"another source under {triton} ({day})"
        yield f"{clean(who)}: {', '.join(figures) or 'other instructions'}"


def _drawn(seen: Sequence[Seen], key: str) -> Picture:
    values = [int(getattr(cell.main, key) or 0) for _, _, cell in seen]
    words = f"{values[0]:,}" + (f" to {values[-1]:,}" if values[-1] != values[0] else "")
    return Picture(steps_svg(values, words), values[-1], words)


def _code(cell: Cell) -> tuple[str, ...]:
    return tuple(binary.code_hash for binary in cell.binaries)


def _release(triton: str) -> tuple[int, ...]:
    """A version as numbers, so that 3.10 comes after 3.9. Text after the numbers is ignored."""
    numbers = []
    for part in triton.split("+")[0].split("."):
        digits = "".join(letter for letter in part if letter.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)
