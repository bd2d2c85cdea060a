"""What two sides compile to, as Markdown for a pull request or a job summary, within a number of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.values.static_comparison import StaticComparison

from ..formats.budget import LIMIT_BYTES, Block, fit
from ..formats.markdown_cells import text
from ..tables.static import changed_kernels
from .static_comparison import headline, reasons, sides

MOST_REASONS = 30


def render(found: StaticComparison, limit_bytes: int = LIMIT_BYTES) -> str:
    """The whole page; rows of what gates leave last."""
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
