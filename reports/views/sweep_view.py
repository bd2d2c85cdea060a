"""A report's view of a sweep: the landscape over the two largest axes, the choice, and the tunables that matter. It
draws nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from harness.stats import estimate
from harness.stats.landscape import importance, times_us
from harness.values.estimate import Estimate
from harness.values.sweep import Confirmed, SweptVariant

from ..figures import clean


@dataclass(frozen=True)
class Landscape:
    """Names and values are cleaned. cells: us of the best configuration at each pair of values, by row and column; None
    if there is none."""

    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class TopRow:
    """name: the tunables that differ between rows. gain: against the baseline, in words."""

    name: str
    time_us: Estimate
    gain: str
    is_baseline: bool
    is_winner: bool


@dataclass(frozen=True)
class SweepView:
    """name: for files. counts, trust: sentences. alike: the tunables that all rows of `top` have in common."""

    name: str
    title: str
    counts: str
    trust: str
    landscape: Landscape | None
    top: tuple[TopRow, ...]
    alike: str
    matters: tuple[tuple[str, float], ...]


def build(question: SweptVariant) -> SweepView:
    """The view of one question of a sweep."""
    sizes = ", ".join(f"{name} {size}" for name, size in sorted(question.dims.items()))
    pruned = sum(row.pruned for row in question.configurations)
    declared = len(question.configurations)
    counts = f"{declared} declared, {pruned} pruned, {question.distinct} distinct, {question.timed} timed"
    tokens = question.dims.get("tokens", 1)
    top, alike = _top(question)
    return SweepView(
        name=f"{question.op}-{question.site}-{question.variant.strip('./').replace('/', '-')}-{tokens}",
        title=f"{question.op} @ {question.site}, {question.variant}: {sizes}",
        counts=counts,
        trust=_trust(question),
        landscape=_landscape(question),
        top=top,
        alike=alike,
        matters=tuple(importance(question.configurations)),
    )


def _trust(question: SweptVariant) -> str:
    if question.rms is None:
        return "no duplicates were timed"
    verdict = "trusted" if question.trusted else "not to be trusted"
    return f"the same work twice differed by {100 * question.rms:.2f} % (RMS): {verdict}"


def _landscape(question: SweptVariant) -> Landscape | None:
    """The landscape over the two tunables with most values, the earlier first in a tie. None with fewer than two."""
    found = times_us(question.configurations)
    names = list(found[0][0]) if found else []
    values = {name: sorted({tunables[name] for tunables, _ in found}, key=_by_number) for name in names}
    largest = sorted((name for name in names if len(values[name]) > 1), key=lambda name: -len(values[name]))[:2]
    if len(largest) < 2:
        return None
    row, column = largest
    best: dict[tuple[object, object], float] = {}
    for tunables, time in found:
        place = (tunables[row], tunables[column])
        best[place] = min(time, best.get(place, time))
    cells = tuple(tuple(best.get((r, c)) for c in values[column]) for r in values[row])
    rows, columns = (tuple(clean(str(value)) for value in values[axis]) for axis in largest)
    return Landscape(clean(row), clean(column), rows, columns, cells)


def _by_number(value: object) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _top(question: SweptVariant) -> tuple[tuple[TopRow, ...], str]:
    finals = question.finals
    if finals is None:
        return (), ""
    rows = [(confirmed, False) for confirmed in finals.confirmed]
    rows += [(finals.baseline, True)] if finals.baseline else []
    rows = [(confirmed, is_baseline) for confirmed, is_baseline in rows if confirmed.measurement.samples]
    tunables = [confirmed.tunables.items() for confirmed, _ in rows]
    alike = [item for item in tunables[0] if all(item in other for other in tunables)] if len(tunables) > 1 else []
    found = tuple(_row(confirmed, base, question, alike) for confirmed, base in rows)
    return found, _named(alike)


def _row(confirmed: Confirmed, is_baseline: bool, question: SweptVariant, alike: Container[object]) -> TopRow:
    found, answer = estimate(confirmed.measurement.samples), confirmed.measurement.case.answer
    assert found is not None and question.finals is not None
    name = _named(item for item in confirmed.tunables.items() if item not in alike)
    if answer and answer.variant != question.variant:
        name = f"{answer.variant} {name}".strip()
    against = confirmed.against_baseline
    gain = "baseline" if is_baseline else against.words if against else "no baseline"
    is_winner = confirmed.measurement.case.id == question.finals.winner
    return TopRow(name, found, gain, is_baseline, is_winner)


def _named(tunables: Iterable[tuple[str, object]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in tunables)
