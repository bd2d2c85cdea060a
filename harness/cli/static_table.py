"""A sweep that was compiled and not run, on the terminal: how many are distinct, what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.static_sweep import StaticSweep, groups

SHOWN = 8
COLUMNS = ("regs", "spill B", "shared B", "instr/weight", "B/load", "blocks/SM")


def render(found: StaticSweep) -> RenderableType:
    """One table per op and site. Fewest instructions per weight first: a hint of what to look at, no ranking."""
    cached = f", {found.cached} of them known" if found.cached else ""
    parts: list[RenderableType] = [
        f"{found.suite} · {found.target} · {found.toolchain}",
        f"{found.declared} declared{cached} -> {found.distinct} distinct (binary + launch), {found.pruned} pruned, "
        f"{found.failed} failed · {found.wall_s:.1f} s on {found.jobs} processes",
    ]
    for _, rows in groupby(found.configurations, key=_place):
        parts += ["", *_question(list(rows))]
    parts += ["", "Nothing was run: what is fastest, only `harness sweep` on a GPU of this kind says."]
    return Group(*parts)


def _place(c: Compiled) -> tuple[str | None, str | None, str, tuple[tuple[str, int], ...]]:
    assert c.case.answer is not None
    return c.case.op, c.case.site, c.case.answer.variant, tuple(sorted(c.case.dims.items()))


def _question(rows: Sequence[Compiled]) -> list[RenderableType]:
    op, site, variant, _ = _place(rows[0])
    distinct = groups(rows)
    seconds = sum((Counter(c.stages_s) for c in rows if not c.cached), Counter[str]())
    spent = " · " + ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items()) if seconds else ""
    shown = sorted(distinct, key=_order)[:SHOWN]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (*_values(rows), *COLUMNS):
        table.add_column(column, justify="right", no_wrap=True)
    for group in shown:
        table.add_row(*("|".join(found) for found in _values(group).values()), *_cells(group[0]))
    if len(distinct) > len(shown):
        table.add_row(f"and {len(distinct) - len(shown)} more")
    left_out = [c for c in rows if c.status is not Status.OK]
    reasons = [
        f"{len(same)} {same[0].status.value}: {reason} ({_tunables(same)})"
        for reason, same in _by_reason(left_out).items()
    ]
    return [f"{op}@{site} · {variant} · {len(rows)} declared -> {len(distinct)} distinct{spent}", table, *reasons]


def _order(group: Sequence[Compiled]) -> tuple[float, str]:
    main = group[0].main
    per_weight = main.instructions_per_weight if main else None
    return (float("inf") if per_weight is None else per_weight, group[0].case.id)


def _cells(c: Compiled) -> tuple[str, ...]:
    main = c.main
    if main is None:
        return ("no Triton kernel",)
    per_weight = "-" if main.instructions_per_weight is None else f"{main.instructions_per_weight:.1f}"
    numbers = (main.registers, main.spill_bytes, main.shared_bytes)
    ends = (main.load_bytes, main.blocks_per_sm)
    return (*(f"{n:,}" for n in numbers), per_weight, *("-" if n is None else str(n) for n in ends))


def _tunables(same: Sequence[Compiled]) -> str:
    """`block_n=8, num_stages=2|3|4|5`: each tunable with the values that it takes in these rows."""
    return ", ".join(f"{name}={'|'.join(found)}" for name, found in _values(same).items())


def _values(same: Sequence[Compiled]) -> dict[str, dict[str, None]]:
    """By tunable, the values that it takes, each once, in their order."""
    answers = [c.case.answer.tunables for c in same if c.case.answer is not None]
    return {name: dict.fromkeys(str(a[name]) for a in answers if name in a) for name in answers[0]}


def _by_reason(rows: Sequence[Compiled]) -> dict[str, list[Compiled]]:
    found: dict[str, list[Compiled]] = {}
    for c in rows:
        found.setdefault(c.reason, []).append(c)
    return found
