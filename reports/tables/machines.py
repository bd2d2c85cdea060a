"""The same questions on several machines: time, share of each machine's own bandwidth, and rank there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..figures import percent
from ..table import Cell, Column, Name, Number, Quantity, Row, Table, Words, maybe
from ..views.machines import ComparedCase, MachineResult, SideBySide


def by_unit(side: SideBySide) -> Iterator[tuple[str, list[ComparedCase]]]:
    for unit in dict.fromkeys(question.unit for question in side.questions):
        yield unit, [question for question in side.questions if question.unit == unit]


def answers(side: SideBySide, unit: str, questions: Sequence[ComparedCase]) -> Table:
    """A row for each answer to a question, in the rank order of the first machine."""
    columns = [Column("question", "Question", once=True), Column("answer", "Answer")]
    for index, machine in enumerate(side.machines):
        columns.append(Column(f"time_{index}", "{}, " + unit, machine.label, right=True))
        columns.append(Column(f"read_share_{index}", "Share of read", right=True))
        columns.append(Column(f"rank_{index}", "Rank", right=True))
    rows = []
    for question in questions:
        for rank, line in enumerate(question.lines):
            cells: list[Cell] = [Name(question.name, long=True, code=False), Name(line.answer)]
            cells += [cell for result in line.results for cell in _cells(result)]
            rows.append(Row(tuple(cells), rank, "answers"))
    return Table("machines", f"Answers in {unit}", tuple(columns), tuple(rows))


def _cells(result: MachineResult | str) -> list[Cell]:
    if isinstance(result, str):
        return [Words(result), None, None]
    rank = Number(result.rank, f"{result.rank} of {result.of}")
    return [Quantity(result.time), maybe(result.bound_share, percent), rank]


def runs(side: SideBySide) -> Table:
    """The run of each machine."""
    columns = (Column("machine", "Machine"), Column("run", "Run"), Column("state", "State"), Column("facts", ""))
    rows = tuple(Row((Name(m.label), Words(m.run), Words(m.state), Words(" · ".join(m.facts)))) for m in side.machines)
    return Table("machine_runs", "Machines", columns, rows)


def differences(side: SideBySide) -> Table:
    """The differences between the environments."""
    numbers = (Column(f"value_{index}", "{}", machine.label) for index, machine in enumerate(side.machines))
    rows = tuple(Row((Words(name), *map(Words, values))) for name, values in side.differences)
    columns = (Column("condition", "Condition"), *numbers)
    return Table("machine_differences", "Differences between the environments", columns, rows)
