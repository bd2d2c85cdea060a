"""A suite under several releases of Triton, on a terminal and as Markdown: gating changes first, then all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from harness.values.compilers import Cell, CompilerMatrix, MatrixRow
from harness.values.measurement import Status
from harness.values.static_comparison import StaticVerdict

from ..figures import clean, plural
from ..formats.budget import LIMIT_BYTES, Block, fit
from ..formats.markdown_cells import text
from ..formats.terminal_table import Shown
from ..tables.compilers import changed, matrix

MOST_REASONS = 30
MOST_ROWS = 40
"""Rows on a terminal."""


def render(found: CompilerMatrix) -> RenderableType:
    """Render the versions, the verdict, the changes, the reasons and the exit status."""
    parts: list[RenderableType] = [Text(line) for line in versions(found)]
    parts += [Text(), Text("   ".join(headline(found)), style="bold"), Text()]
    table = changed(found) if len(found.versions) > 1 else matrix(found)
    table = table.first(MOST_ROWS, lambda left: f"and {len(left)} more: --html FILE and --json have all")
    if table.rows:
        parts += [Shown(table), Text()]
    said = list(reasons(found))
    parts += [Text(line) for line in said[:MOST_REASONS]]
    if len(said) > MOST_REASONS:
        parts.append(Text(f"and {len(said) - MOST_REASONS} more reasons"))
    parts.append(Text(closing(found)))
    return Group(*parts)


def summary(found: CompilerMatrix) -> RenderableType:
    """The verdict, its reasons and the exit status."""
    return Text("\n".join(("   ".join(headline(found)), *reasons(found), f"exit status {int(found.exit_status)}")))


def markdown(found: CompilerMatrix, limit_bytes: int = LIMIT_BYTES) -> str:
    """Render for a pull request or an issue within `limit_bytes`. Rows that gate are dropped last."""
    return fit(list(_blocks(found)), limit_bytes)


def _blocks(found: CompilerMatrix) -> Iterator[Block]:
    word, rest = headline(found)
    yield f"**{word}** {text(rest)}"
    yield "\\\n".join(text(line) for line in versions(found))
    said = list(reasons(found))
    yield "\n".join(f"- {text(line)}" for line in said[:MOST_REASONS])
    if len(said) > MOST_REASONS:
        yield f"and {len(said) - MOST_REASONS} more reasons."
    for table in (changed(found), matrix(found, chosen_alone=True)):
        if table.rows:
            yield table
    yield f"{text(closing(found))}."


def versions(found: CompilerMatrix) -> Iterator[str]:
    """One line for each version, the version in use first."""
    for version in sorted(found.versions, key=lambda version: version.name != found.base):
        role = "in use" if version.name == found.base else "gates" if version.gates else "shown"
        origin = {"installed": "installed here", "index": "in a folder of its own"}.get(version.origin, version.origin)
        named = clean(version.name, 200) if version.name != version.triton else ""
        yield f"Triton {clean(version.triton)}  {role}, {origin}{f': {named}' if named else ''}"


def headline(found: CompilerMatrix) -> tuple[StaticVerdict, str]:
    """The worst gating verdict, and the distribution of the cells."""
    gating = [cell for _, cell in found.gating()]
    counts = Counter(cell.verdict for cell in gating if cell.verdict is not None)
    spread = ", ".join(f"{counts[verdict]} {verdict}" for verdict in StaticVerdict if counts[verdict])
    found_out = [verdict for verdict in StaticVerdict if counts[verdict] and verdict is not StaticVerdict.UNKNOWN]
    chosen = sum(row.chosen for row in found.rows)
    besides = len(found.rows) - chosen
    what = f"{plural(chosen, 'configuration')} of {clean(found.suite)} and {plural(besides, 'neighbour')}"
    worst = next(iter(found_out), StaticVerdict.UNKNOWN)
    return worst, f"{what} for {', '.join(found.targets)}: {spread or 'no version that gates'}"


def reasons(found: CompilerMatrix) -> Iterator[str]:
    """Each reason of a gating cell once, with its targets; then the number of worse neighbours, and the cases left
    out. A version alone has each reason why a kernel does not compile."""
    if len(found.versions) == 1:
        yield from _refused(found)
    several: dict[tuple[StaticVerdict, str, str, str], list[str]] = {}
    for row, cell in found.gating():
        if cell.verdict not in (None, StaticVerdict.SAME, StaticVerdict.CHANGED):
            key = (cell.verdict, clean(cell.reason, 300), clean(cell.version), _where(row))
            several.setdefault(key, []).append(cell.target)
    for (verdict, reason, version, where), targets in sorted(several.items(), key=lambda item: item[0][0].rank):
        yield f"{verdict:<8} {where}, Triton {version}, {', '.join(targets)}: {reason}"
    beside = [cell for row in found.rows if not row.chosen for cell in row.cells if _worse(cell)]
    if beside:
        yield f"note     {plural(len(beside), 'cell')} of neighbours are worse; they do not gate"
    if found.left_out:
        yield f"left out {plural(found.left_out, 'case')} without Triton code"


def _refused(found: CompilerMatrix) -> Iterator[str]:
    several: dict[tuple[str, str, str], list[str]] = {}
    for row in found.rows:
        for cell in row.cells if row.chosen else ():
            if cell.status is not Status.OK:
                several.setdefault((str(cell.status), _where(row), clean(cell.problem, 300)), []).append(cell.target)
    for (status, where, problem), targets in several.items():
        yield f"{status:<8} {where}, {', '.join(targets)}: {problem}"


def closing(found: CompilerMatrix) -> str:
    cells = f"{plural(found.compiled, 'cell')} compiled, {found.kept} known, {found.wall_s:.0f} s"
    return f"exit status {int(found.exit_status)} · {cells} · nothing was run: how fast, only a GPU says"


def _where(row: MatrixRow) -> str:
    return clean(row.name, 160)


def _worse(cell: Cell) -> bool:
    return cell.verdict in (StaticVerdict.WORSE, StaticVerdict.FAILED)
