"""What two sides compile to, as Markdown for a pull request or a job summary, within a number of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.values.static_comparison import StaticComparison

from .budget import LIMIT_BYTES, Block, Ranked, Row, fit
from .figures import clean
from .markdown_cells import code, text
from .static_comparison import FIGURES, ORDER, changed_kernels, figure, headline, reasons, sides

MOST_REASONS = 30


def render(found: StaticComparison, limit_bytes: int = LIMIT_BYTES) -> str:
    """The whole page; rows of what gates leave last."""
    return fit(list(_blocks(found)), limit_bytes)


def _blocks(found: StaticComparison) -> Iterator[Block]:
    word, _, rest = headline(found).partition("   ")
    yield f"**{word}** {text(rest)}"
    yield "\\\n".join(text(line) for line in sides(found))
    rows = []
    for case, kernel in changed_kernels(found):
        cells = (
            str(case.verdict), code(clean(case.case)), case.target, code(clean(kernel.name)),
            *(text(figure(kernel, value)) for _, value in FIGURES),
        )  # fmt: skip
        rows.append(Row(cells, ORDER.index(case.verdict), str(case.verdict)))
    if rows:
        headings = ("", "Case", "Target", "Kernel", *(heading for heading, _ in FIGURES))
        yield Ranked(headings, tuple(rows), right=tuple(range(4, len(headings))))
    said = list(reasons(found))
    yield "\n".join(f"- {text(line)}" for line in said[:MOST_REASONS])
    if len(said) > MOST_REASONS:
        yield f"and {len(said) - MOST_REASONS} more reasons."
    yield f"Exit status {int(found.exit_status)}. Nothing was run: how fast, only a GPU says."
