"""A sweep on the terminal: what became of the declared configurations, the fastest, and what the choice brings."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from harness.cli.sweep_json import named
from harness.stats import estimate
from harness.stats.landscape import importance
from harness.sweep.ship import Shipped
from harness.values.estimate import Estimate
from harness.values.measurement import Status
from harness.values.sweep import Configuration, Confirmed, Question, SweepResult

SHOWN = 5
BINARY = ("regs", "spill", "same")
"""Columns of what was compiled; on a CPU nothing is."""


def render(result: SweepResult) -> RenderableType:
    """One block per question, then the warnings."""
    counts = f"{len(result.configurations)} declared, {result.reused} known before"
    times = f"{result.wall_s:.0f} s, of these {result.compile_s:.0f} s compiling; device busy {result.gpu_busy_s:.1f} s"
    parts: list[RenderableType] = [f"{result.suite} · {result.environment.device_name} · run {result.run_id}"]
    parts.append(f"{counts} · {times}")
    if result.gpu_busy_s:
        parts.append(", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.stages_s.items()))
    for question in result.questions:
        parts += ["", *_question(question)]
    parts += ["", *(f"WARNING  {line}" for line in result.warnings)] if result.warnings else []
    return Group(*parts)


def _question(question: Question) -> list[RenderableType]:
    rows = question.configurations
    pruned = [row for row in rows if row.pruned]
    wrong = sum(row.measurement.status is Status.INCORRECT for row in rows)
    head = f"{question.op}@{question.site} · {question.variant} · {_dims(question)}"
    left = f"{len(rows)} declared -> {len(pruned)} pruned -> {question.distinct} distinct"
    parts: list[RenderableType] = [head, f"{left} -> {question.timed} timed · {wrong} wrong"]
    parts += [f"  pruned: {reason} ({count})" for reason, count in _reasons(pruned)]
    if question.rms is not None and question.finals is not None:
        verdict = "trusted" if question.trusted else "NOT to be trusted"
        pairs = len(question.finals.twins)
        parts.append(f"the same work twice: {100 * question.rms:.2f} % apart (RMS of {pairs} pairs): {verdict}")
    parts.append(_table(question))
    matters = importance(question.configurations)
    if matters:
        parts.append("what matters: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in matters))
    return parts


def _dims(question: Question) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(question.dims.items()))


def _reasons(rows: list[Configuration]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.measurement.reason] = counts.get(row.measurement.reason, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])[:SHOWN]


def _table(question: Question) -> Table:
    """The confirmed choice; where the sweep did not come so far, the fastest by the times that would have chosen."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("#", "configuration"):
        table.add_column(column, overflow="fold")
    compiled = any(row.binary for row in question.configurations)
    for column in ("us, 95 %", "against the baseline", "p", *(BINARY if compiled else ())):
        table.add_column(column, justify="right")
    finals = question.finals
    if finals is None:
        for row in question.configurations[:SHOWN]:
            time = _time(estimate(row.measurement.samples)) or row.measurement.status.value
            binary = (*_binary(row), "") if compiled else ()
            table.add_row("-", named(row.tunables), time, row.measurement.reason, "", *binary)
        return table
    rows = {row.case.id: row for row in question.configurations}
    for rank, confirmed in enumerate(finals.confirmed, 1):
        mark = "winner" if confirmed.measurement.case.id == finals.winner else str(rank)
        table.add_row(mark, *_confirmed(confirmed, rows, question)[: len(table.columns) - 1])
    if finals.baseline is not None:
        table.add_row("-", *_confirmed(finals.baseline, rows, question)[: len(table.columns) - 1])
    return table


def _confirmed(confirmed: Confirmed, rows: dict[str, Configuration], question: Question) -> list[str]:
    m, against = confirmed.measurement, confirmed.against_baseline
    name = named(confirmed.tunables)
    if m.case.answer is not None and m.case.answer.variant != question.variant:
        name = f"{m.case.answer.variant} {name}".strip()
    row = rows.get(m.case.id)
    gain = f"{against.words} {against.interval}" if against else "baseline"
    if m.status is not Status.OK:
        gain = m.reason
    p = "" if confirmed.p is None else f"{confirmed.p:.1g}"
    same = sum(other.same_as == m.case.id for other in question.configurations)
    time = _time(estimate(m.samples)) or m.status.value
    return [name, time, gain, p, *(_binary(row) if row else ["", ""]), str(same or "")]


def _binary(row: Configuration) -> list[str]:
    return ["", ""] if row.binary is None else [str(row.binary.registers), str(row.binary.spill_bytes)]


def _time(found: Estimate | None) -> str:
    return "" if found is None else f"{found.value:.4g} [{found.low:.4g}, {found.high:.4g}] n={found.n}"


def render_shipped(place: str, chosen: Shipped) -> str:
    """One line of what is worth shipping, and one for each of its configurations."""
    percent = f"{100 * chosen.worst_loss:.1f} % (the fastest at one question: {100 * chosen.fastest_loss:.1f} %)"
    lines = [f"ship {len(chosen.chosen)}  {place}: worst loss over {len(chosen.questions)} questions {percent}"]
    return "\n".join([*lines, *(f"        {named(tunables)}" for tunables in chosen.chosen)])
