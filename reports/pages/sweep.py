"""A sweep in words and tables: the fate of the declared configurations, the fastest ones, and the gain of the
choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from harness.stats.landscape import importance
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.static_sweep import StaticSweep, groups
from harness.values.sweep import Shipped, SweepResult, SweptVariant, places

from ..formats.terminal_table import Shown
from ..tables.sweep import SHOWN, compiled, finalists, named, values_of


def render(result: SweepResult) -> RenderableType:
    """The choices first; then one block per question, and the warnings."""
    counts = f"{len(result.configurations)} declared, {result.reused} known before"
    times = f"{result.wall_s:.0f} s, of these {result.compile_s:.0f} s compiling; device busy {result.gpu_busy_s:.1f} s"
    head = [f"{result.suite} · {result.environment.device_name} · run {result.run_id}", f"{counts} · {times}"]
    if result.gpu_busy_s:
        head.append(", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.stages_s.items()))
    parts: list[RenderableType] = [summary(result), Text(), *map(Text, head)]
    for question in result.questions:
        parts += [Text(), *_question(question)]
    parts += [Text(), *(Text(f"WARNING  {line}") for line in result.warnings)] if result.warnings else []
    return Group(*parts)


def summary(result: SweepResult) -> RenderableType:
    """One line for each question: its choice, the gain, and whether the times can be trusted."""
    asked = zip(places(result.questions, " · "), result.questions, strict=True)
    return Group(*(Text(_choice(place, question), style="bold") for place, question in asked))


def _choice(place: str, question: SweptVariant) -> str:
    finals = question.finals
    trust = {None: "", True: " · trusted", False: " · NOT to be trusted"}[question.trusted]
    if finals is None:
        return f"{place}: no choice, the sweep ended before its finals{trust}"
    won = next((one for one in finals.confirmed if one.measurement.case.id == finals.winner), None)
    if won is None:
        return f"{place}: baseline kept, no configuration was shown to be faster{trust}"
    gain = f", {won.against_baseline.words} than the baseline" if won.against_baseline else ""
    return f"{place}: {named(won.tunables)}{gain}{trust}"


def _question(question: SweptVariant) -> Iterator[RenderableType]:
    rows = question.configurations
    pruned = [row for row in rows if row.pruned]
    reasons = Counter(row.measurement.reason for row in pruned).most_common(SHOWN)
    others = Counter(row.measurement.reason for row in rows if row.left_out).most_common(SHOWN)
    wrong = sum(row.measurement.status in (Status.INCORRECT, Status.INVALID) for row in rows)
    dims = ", ".join(f"{name} {value}" for name, value in sorted(question.dims.items()))
    left = f"{len(rows)} declared -> {len(pruned)} pruned -> {question.distinct} distinct"
    yield Text(f"{question.op}@{question.site} · {question.variant} · {dims}")
    yield Text(f"{left} -> {question.timed} timed · {wrong} wrong")
    if question.search:
        yield Text(question.search)
    yield from (Text(f"  pruned: {reason} ({count})") for reason, count in reasons)
    yield from (Text(f"  {reason} ({count})") for reason, count in others)
    if question.rms is not None and question.finals is not None:
        verdict, pairs = "trusted" if question.trusted else "NOT to be trusted", len(question.finals.twins)
        yield Text(f"the same work twice: {100 * question.rms:.2f} % apart (RMS of {pairs} pairs): {verdict}")
    yield from (Text(), Shown(finalists(question)), Text())
    matters = importance(question.configurations)
    if matters:
        yield Text("what matters: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in matters))


def render_shipped(place: str, chosen: Shipped) -> RenderableType:
    """One line on the set of configurations worth shipping, and one for each of them."""
    percent = f"{100 * chosen.worst_loss:.1f} % (the fastest at one question: {100 * chosen.fastest_loss:.1f} %)"
    head = f"ship {len(chosen.chosen)}  {place}: worst loss over {len(chosen.questions)} questions {percent}"
    return Text("\n".join([head, *(f"        {named(tunables)}" for tunables in chosen.chosen)]))


def render_compiled(found: StaticSweep) -> RenderableType:
    """A sweep that was compiled but not run: the number of distinct binaries, and the configurations left out with
    reasons."""
    cached = f", {found.cached} of them known" if found.cached else ""
    head = (
        f"{found.suite} · {found.target} · {found.toolchain}",
        f"{found.declared} declared{cached} -> {found.distinct} distinct (binary + launch), {found.pruned} pruned, "
        f"{found.failed} failed · {found.wall_s:.1f} s on {found.jobs} processes",
    )
    parts: list[RenderableType] = list(map(Text, head))
    for _, rows in groupby(found.configurations, key=_place):
        parts += [Text(), *_compiled(list(rows))]
    return Group(*parts, Text("\nNothing was run: only `harness sweep` on a GPU of this kind finds the fastest."))


def _place(c: Compiled) -> tuple[str | None, str | None, str, tuple[tuple[str, int], ...]]:
    assert c.case.answer is not None
    return c.case.op, c.case.site, c.case.answer.variant, tuple(sorted(c.case.dims.items()))


def _compiled(rows: Sequence[Compiled]) -> Iterator[RenderableType]:
    op, site, variant, _ = _place(rows[0])
    seconds = sum((Counter(c.stages_s) for c in rows if not c.cached), Counter[str]())
    spent = " · " + ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items()) if seconds else ""
    yield Text(f"{op}@{site} · {variant} · {len(rows)} declared -> {len(groups(rows))} distinct{spent}")
    yield from (Text(), Shown(compiled(rows)), Text())
    left_out: dict[str, list[Compiled]] = {}
    for c in rows:
        if c.status is not Status.OK:
            left_out.setdefault(c.reason, []).append(c)
    for reason, same in left_out.items():
        tunables = ", ".join(f"{name}={'|'.join(found)}" for name, found in values_of(same).items())
        yield Text(f"{len(same)} {same[0].status.value}: {reason} ({tunables})")
