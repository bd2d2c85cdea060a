"""A suite under several interpreters: a row for each case, a cell for each interpreter beside the base."""

from __future__ import annotations

from harness.values.interpreter_matrix import InterpreterMatrix
from harness.values.numerics import Sameness
from harness.values.verdict import CaseVerdict

from ..figures import clean
from ..table import Cell, Column, Mark, Name, Row, Table, Words
from ..views.outcome import importance
from .comparison import ratio_words

CAPTION = (
    "A cell: the verdict against the base's interpreter, the ratio of times (or bytes, or energy), and whether both "
    "computed the same."
)


def matrix(found: InterpreterMatrix) -> Table:
    """The worst case first. A case that an interpreter was not asked, or could not be, has no cell."""
    cells: dict[tuple[str, str], dict[int, CaseVerdict]] = {}
    for place, one in enumerate(found.others):
        for verdict in one.comparison.verdicts if one.comparison else ():
            cells.setdefault((verdict.case, verdict.metric), {})[place] = verdict
    columns = (
        Column("gate", ""), Column("case", "Case"), Column("metric", "Metric", extra=True),
        *(Column(f"python_{place + 2}", "{}", clean(label)) for place, label in enumerate(found.labels)),
    )  # fmt: skip
    rows = []
    for (case, metric), by_place in cells.items():
        shown = (_cell(by_place.get(place)) for place in range(len(found.others)))
        gated = any(verdict.gated for verdict in by_place.values())
        front = (
            Words("gate" if gated else ""),
            Name(clean(case), long=True),
            Words(metric.rpartition("_")[0] or metric),
        )
        rows.append(Row((*front, *shown), min(map(importance, by_place.values()))))
    rows.sort(key=lambda row: row.rank)
    return Table("interpreters", "Every case under every interpreter", columns, tuple(rows), CAPTION)


def _cell(verdict: CaseVerdict | None) -> Cell:
    if verdict is None:
        return None
    outputs = verdict.outputs
    parts = [f"{verdict.verdict} {ratio_words(verdict).partition(' [')[0]}".strip(), outputs.word if outputs else ""]
    differ = outputs is not None and outputs.sameness is Sameness.DIFFERS
    return Mark(", ".join(filter(None, parts)), "alarm" if differ else verdict.verdict.tone, strong=verdict.gated)
