"""What two sides compile to, on a terminal: what gates first, each kernel with both sides' figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.values.binary import Binary
from harness.values.static_comparison import KernelChange, StaticCase, StaticComparison, StaticSide, StaticVerdict

from .figures import UNKNOWN, clean, plural

ORDER = (StaticVerdict.FAILED, StaticVerdict.WORSE, StaticVerdict.CHANGED, StaticVerdict.UNKNOWN, StaticVerdict.SAME)
STYLES = {StaticVerdict.FAILED: "bold magenta", StaticVerdict.WORSE: "bold red"}
FIGURES: tuple[tuple[str, Callable[[Binary], int | float | None]], ...] = (
    ("regs", lambda b: b.registers),
    ("spill B", lambda b: b.spill_bytes),
    ("blocks/SM", lambda b: b.blocks_per_sm),
    ("B/load", lambda b: b.load_bytes),
    ("instr/weight", lambda b: b.instructions_per_weight),
    ("shared B", lambda b: b.shared_bytes),
)
"""Heading and value of each column; the first four explain most of a change in time."""


def render(found: StaticComparison) -> RenderableType:
    """Sides and compilers, the verdict, one row per kernel that changed, reasons, exit status."""
    parts: list[RenderableType] = [Text(line) for line in sides(found)]
    parts += [Text(), Text(headline(found), style="bold"), Text()]
    rows = list(changed_kernels(found))
    if rows:
        parts.append(_table(rows))
    parts += [Text(line) for line in reasons(found)]
    parts.append(Text(f"exit status {int(found.exit_status)} · nothing was run: how fast, only a GPU says"))
    return Group(*parts)


def sides(found: StaticComparison) -> Iterator[str]:
    yield f"base  {side_words(found.base)}"
    yield f"head  {side_words(found.head)}"
    for target in found.targets:
        chains = [side.toolchain.get(target, "no Triton case") for side in (found.base, found.head)]
        yield f"{target}  {clean(chains[0], 300)}" + (f" -> {clean(chains[1], 300)}" if chains[0] != chains[1] else "")


def side_words(side: StaticSide) -> str:
    return clean(side.tree.words + (f", arm {side.arm}" if side.arm else ""), 300)


def headline(found: StaticComparison) -> str:
    """The worst that was found, then how the cases are spread; UNKNOWN stands first only where nothing is known."""
    counts = Counter(case.verdict for case in found.cases)
    spread = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])
    found_out = [verdict for verdict in ORDER if counts[verdict] and verdict is not StaticVerdict.UNKNOWN]
    worst = next(iter(found_out), StaticVerdict.UNKNOWN)
    questions = len({case.case for case in found.cases})
    return f"{worst}   {plural(questions, 'case')} for {', '.join(found.targets)}: {spread}"


def changed_kernels(found: StaticComparison) -> Iterator[tuple[StaticCase, KernelChange]]:
    """Every kernel that is not the same on both sides, the worst case first."""
    for case in sorted(found.cases, key=lambda case: ORDER.index(case.verdict)):
        for kernel in case.kernels:
            if not kernel.same and case.verdict in (StaticVerdict.WORSE, StaticVerdict.CHANGED):
                yield case, kernel


def figure(kernel: KernelChange, value: Callable[[Binary], int | float | None]) -> str:
    """`96 -> 168`, `96` where both are equal, and what a side that does not launch it lacks."""
    before, after = (None if b is None else value(b) for b in (kernel.base, kernel.head))
    words = [UNKNOWN if v is None else f"{v:.3g}" if isinstance(v, float) else f"{v:,}" for v in (before, after)]
    return words[0] if words[0] == words[1] else f"{words[0]} -> {words[1]}"


def reasons(found: StaticComparison) -> Iterator[str]:
    """Each reason once, with what differs behind it; then what is left out."""
    several: dict[tuple[StaticVerdict, str, str], list[StaticCase]] = {}
    for case in found.cases:
        if case.verdict is not StaticVerdict.SAME:
            several.setdefault((case.verdict, case.reason, _behind(case)), []).append(case)
    for (verdict, reason, behind), cases in sorted(several.items(), key=lambda item: ORDER.index(item[0][0])):
        targets = ", ".join(dict.fromkeys(case.target for case in cases))
        names = list(dict.fromkeys(clean(case.case) for case in cases))
        which = names[0] if len(names) == 1 else f"{len(names)} cases ({names[0]}, ...)"
        yield f"{verdict:<8} {which}, {targets}: {clean(reason, 400)}{f' · {behind}' if behind else ''}"
    for note in found.notes:
        yield f"note     {clean(note, 600)}"
    if found.left_out:
        yield f"left out {plural(found.left_out, 'case')} without Triton code on either side"


def _behind(case: StaticCase) -> str:
    words = []
    if case.tunables:
        words.append(f"tunables differ: {', '.join(case.tunables)}")
    if case.changed_line:
        words.append(f"first changed line: {case.changed_line}")
    return clean("; ".join(words), 400)


def _table(rows: Sequence[tuple[StaticCase, KernelChange]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("case", overflow="fold")
    table.add_column("target", no_wrap=True)
    table.add_column("kernel", overflow="fold")
    for heading, _ in FIGURES:
        table.add_column(heading, justify="right", no_wrap=True)
    for case, kernel in rows:
        cells = [figure(kernel, value) for _, value in FIGURES]
        verdict = Text(case.verdict, style=STYLES.get(case.verdict, ""))
        table.add_row(verdict, Text(clean(case.case)), case.target, Text(clean(kernel.name)), *cells)
    return table
