"""Compiled code of two sides, on a terminal and as Markdown: gating changes first, each kernel with both sides'
figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from harness.values.static_comparison import StaticCase, StaticComparison, StaticSide, StaticVerdict

from ..figures import clean, plural
from ..formats.budget import LIMIT_BYTES, Block, fit
from ..formats.markdown_cells import text
from ..formats.terminal_table import Shown
from ..tables.static import changed_kernels

MOST_REASONS = 30
"""Most reasons in Markdown."""


def render(found: StaticComparison) -> RenderableType:
    """Render sides and compilers, the verdict, one row for each kernel that changed, reasons, exit status."""
    parts: list[RenderableType] = [Text(line) for line in sides(found)]
    parts += [Text(), Text("   ".join(headline(found)), style="bold"), Text()]
    table = changed_kernels(found)
    if table.rows:
        parts += [Shown(table), Text()]
    parts += [Text(line) for line in reasons(found)]
    parts.append(Text(f"exit status {int(found.exit_status)} · nothing was run: how fast, only a GPU says"))
    return Group(*parts)


def summary(found: StaticComparison) -> RenderableType:
    """The verdict, its reasons and the exit status."""
    return Text("\n".join(("   ".join(headline(found)), *reasons(found), f"exit status {int(found.exit_status)}")))


def markdown(found: StaticComparison, limit_bytes: int = LIMIT_BYTES) -> str:
    """Render for a pull request or a job summary within `limit_bytes`. Rows that gate are dropped last."""
    return fit(list(_blocks(found)), limit_bytes)


def _blocks(found: StaticComparison) -> Iterator[Block]:
    word, rest = headline(found)
    yield f"**{word}** {text(rest)}"
    yield "\\\n".join(text(line) for line in sides(found))
    table = changed_kernels(found)
    if table.rows:
        yield table
    said = list(reasons(found))
    yield "\n".join(f"- {text(line)}" for line in said[:MOST_REASONS])
    if len(said) > MOST_REASONS:
        yield f"and {len(said) - MOST_REASONS} more reasons."
    yield f"Exit status {int(found.exit_status)}. Nothing was run: how fast, only a GPU says."


def sides(found: StaticComparison) -> Iterator[str]:
    yield f"base  {side_words(found.base)}"
    yield f"head  {side_words(found.head)}"
    for target in found.targets:
        chains = [side.toolchain.get(target, "no Triton case") for side in (found.base, found.head)]
        yield f"{target}  {clean(chains[0], 300)}" + (f" -> {clean(chains[1], 300)}" if chains[0] != chains[1] else "")


def side_words(side: StaticSide) -> str:
    return clean(side.tree.words + (f", arm {side.arm}" if side.arm else ""), 300)


def headline(found: StaticComparison) -> tuple[StaticVerdict, str]:
    """The worst verdict, and the distribution of the cases. UNKNOWN is the worst only if no case is known."""
    counts = Counter(case.verdict for case in found.cases)
    spread = ", ".join(f"{counts[verdict]} {verdict}" for verdict in StaticVerdict if counts[verdict])
    found_out = [verdict for verdict in StaticVerdict if counts[verdict] and verdict is not StaticVerdict.UNKNOWN]
    worst = next(iter(found_out), StaticVerdict.UNKNOWN)
    questions = len({case.case for case in found.cases})
    return worst, f"{plural(questions, 'case')} for {', '.join(found.targets)}: {spread}"


def reasons(found: StaticComparison) -> Iterator[str]:
    """Each reason once, with the difference behind it; then notes and the cases left out."""
    several: dict[tuple[StaticVerdict, str, str], list[StaticCase]] = {}
    for case in found.cases:
        if case.verdict is not StaticVerdict.SAME:
            several.setdefault((case.verdict, case.reason, _behind(case)), []).append(case)
    for (verdict, reason, behind), cases in sorted(several.items(), key=lambda item: item[0][0].rank):
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
