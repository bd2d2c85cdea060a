"""A sweep: the confirmed choice of a question, every configuration, and the configurations that were only compiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.stats import estimate
from harness.values.binary import Binary
from harness.values.case import Tunables
from harness.values.compiled import Compiled
from harness.values.measurement import Measurement, Status
from harness.values.static_sweep import groups
from harness.values.sweep import Configuration, Confirmed, SweepResult, SweptVariant

from ..table import Cell, Change, Column, Name, Number, Quantity, Row, Table, Words, maybe
from .kernels import repeats
from .static import AMD_FIGURES, FIGURES, amd_figure

SHOWN = 5
SHOWN_COMPILED = 8


def named(tunables: Tunables) -> str:
    """`block_n=8 num_warps=2`."""
    return " ".join(f"{name}={value}" for name, value in tunables.items())


def finalists(question: SweptVariant) -> Table:
    """The confirmed choice. If the sweep ended before it, the fastest by the times that would have chosen."""
    columns = (
        Column("rank", "#"), Column("tunables", "Configuration"),
        Column("us", "us, 95 %", right=True, ends=True), Column("n", "n", right=True, extra=True),
        Column("change", "Against the baseline", ends=True), Column("p", "p", right=True, extra=True),
        Column("registers", "regs", right=True, sparse=True), Column("spills", "spill", right=True, sparse=True),
        Column("same", "same", right=True, sparse=True, extra=True), Column("repeats", "Repeats", sparse=True),
    )  # fmt: skip
    finals = question.finals
    if finals is None:
        rows = [_unconfirmed(row) for row in question.configurations[:SHOWN]]
    else:
        ranked = [(str(rank), confirmed) for rank, confirmed in enumerate(finals.confirmed, 1)]
        ranked += [("-", finals.baseline)] if finals.baseline is not None else []
        rows = [_confirmed(question, rank, confirmed) for rank, confirmed in ranked]
    title = f"{question.op}@{question.site}, {question.variant}"
    return Table("finalists", title, columns, tuple(rows))


def _unconfirmed(row: Configuration) -> Row:
    reason = Words(row.measurement.reason)
    return Row(
        (Words("-"), Name(named(row.tunables)), *_time(row.measurement), reason, None, *_binary(row.binary), None, None)
    )


def _confirmed(question: SweptVariant, rank: str, confirmed: Confirmed) -> Row:
    m, against, finals = confirmed.measurement, confirmed.against_baseline, question.finals
    name = named(confirmed.tunables)
    if m.case.answer is not None and m.case.answer.variant != question.variant:
        name = f"{m.case.answer.variant} {name}".strip()
    gain: Cell = Change(against, f"{against.words} {against.interval}") if against else Words("baseline")
    if m.status is not Status.OK:
        gain = Words(m.reason)
    row = next((row for row in question.configurations if row.case.id == m.case.id), None)
    same = sum(other.same_as == m.case.id for other in question.configurations)
    mark = "winner" if finals is not None and m.case.id == finals.winner else rank
    return Row((
        Words(mark), Name(name), *_time(m), gain, maybe(confirmed.p, lambda p: f"{p:.1g}"),
        *_binary(row.binary if row else None), Number(same, str(same)) if same else None, repeats(m),
    ))  # fmt: skip


def _time(m: Measurement) -> tuple[Cell, Cell]:
    found = estimate(m.samples)
    return (Quantity(found), Number(found.n, str(found.n))) if found else (Words(m.status.value), None)


def _binary(binary: Binary | None) -> tuple[Cell, Cell]:
    if binary is None:
        return None, None
    return Number(binary.registers, str(binary.registers)), Number(binary.spill_bytes, str(binary.spill_bytes))


FIELDS = {
    "registers": "registers", "spill_bytes": "spills", "shared_bytes": "shared_bytes",
    "instructions_per_weight": "instructions_per_weight", "load_bytes": "load_bytes",
    "blocks_per_sm": "blocks_per_sm", "sha256": "binary",
}  # fmt: skip
"""Fields of a binary, and their names in files for other programs."""


def configurations(result: SweepResult) -> Table:
    """Every configuration. A duplicate has the time of its original."""
    keys = ("op", "site", "variant", "tunables", "status", "reason", "stage", "pruned", "same_as")
    columns = (*(Column(key, key) for key in (*keys, "us", "low_us", "high_us", "n", *FIELDS.values())),)
    rows = [
        Row(tuple(_configuration(question, row))) for question in result.questions for row in question.configurations
    ]
    return Table("configurations", f"Configurations of {result.suite}", columns, tuple(rows))


def _configuration(question: SweptVariant, row: Configuration) -> Iterator[Cell]:
    timed = next((one for one in question.configurations if one.case.id == row.same_as), row)
    m, found = row.measurement, estimate(timed.measurement.samples)
    same = named(timed.tunables) if row.same_as else ""
    words = (question.op, question.site, question.variant, named(row.tunables), m.status.value, m.reason, row.stage)
    yield from map(Words, (*words, str(row.pruned), same))
    for value in (found.value, found.low, found.high, found.n) if found else (None,) * 4:
        yield maybe(value, str)
    for field in FIELDS:
        value = getattr(row.binary, field) if row.binary else None
        yield Words(value) if isinstance(value, str) else maybe(value, str)


def compiled(rows: Sequence[Compiled]) -> Table:
    """The distinct binaries of a question. Fewest instructions per weight first: a hint where to look, no ranking."""
    tunables = values_of(rows)
    shown = [field for field in FIELDS if field in FIGURES]
    columns = (
        *(Column(name, name, right=True) for name in tunables),
        *(Column(FIELDS[field], FIGURES[field], right=True, extra=field == "blocks_per_sm") for field in shown),
        *(Column(field, heading, right=True, sparse=True, extra=True) for field, heading in AMD_FIGURES.items()),
    )
    found = []
    for group in sorted(groups(rows), key=_order):
        main = group[0].main
        numbers = [getattr(main, field) if main else None for field in shown]
        numbers += [amd_figure(main, field) for field in AMD_FIGURES]
        cells = [maybe(value, lambda x: f"{x:.1f}" if isinstance(x, float) else f"{x:,}") for value in numbers]
        found.append(Row((*(Words("|".join(values)) for values in values_of(group).values()), *cells)))
    table = Table("compiled", "Distinct binaries", columns, tuple(found)).known
    return table.first(SHOWN_COMPILED, lambda left: f"and {len(left)} more")


def _order(group: Sequence[Compiled]) -> tuple[float, str]:
    main = group[0].main
    per_weight = main.instructions_per_weight if main else None
    return (float("inf") if per_weight is None else per_weight, group[0].case.id)


def values_of(same: Sequence[Compiled]) -> dict[str, dict[str, None]]:
    """The values that each tunable takes, each once, in their order."""
    answers = [c.case.answer.tunables for c in same if c.case.answer is not None]
    return {name: dict.fromkeys(str(a[name]) for a in answers if name in a) for name in answers[0]}
