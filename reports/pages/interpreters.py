"""A suite under several interpreters, on a terminal and as Markdown: what differs between them comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from harness.compare.explain import Explanation
from harness.values.interpreter import under_test
from harness.values.interpreter_matrix import InterpreterMatrix

from ..figures import clean, plural
from ..formats.budget import LIMIT_BYTES, Block, fit
from ..formats.markdown_cells import text
from ..formats.terminal_table import Shown
from ..tables.interpreters import matrix
from ..views.outcome import outcome
from . import comparison, comparison_markdown


def render(found: InterpreterMatrix, explanations: Sequence[Explanation | None]) -> RenderableType:
    """Render the differences, the matrix, each comparison with its explanation, and the exit status."""
    parts: list[RenderableType] = [Text(line) for line in environments(found)]
    table = matrix(found)
    parts += [Text(), Shown(table)] if table.rows else []
    for label, one, explanation in zip(found.labels, found.others, explanations, strict=True):
        parts += [Text(), Text(clean(label), style="bold")]
        shown = comparison.render(one.comparison, explanation) if one.comparison else Text(clean(one.problem, 400))
        parts.append(shown)
    return Group(*parts, Text(), Text(closing(found)))


def summary(found: InterpreterMatrix) -> RenderableType:
    """The packages under test, a line for each comparison, and the exit status."""
    said = [f"{word:<8} {sentence}" for word, _, sentence in results(found)]
    return Text("\n".join((*environments(found), *said, closing(found))))


def markdown(found: InterpreterMatrix, limit_bytes: int = LIMIT_BYTES) -> str:
    """Render for a pull request or an issue within `limit_bytes`. Rows that gate are dropped last."""
    return fit(list(_blocks(found)), limit_bytes)


def _blocks(found: InterpreterMatrix) -> Iterator[Block]:
    yield "\\\n".join(text(line) for line in environments(found))
    yield "\n".join(f"- **{text(word)}** {text(rest)}" for word, _, rest in results(found))
    yield matrix(found)
    for label, one in zip(found.labels, found.others, strict=True):
        yield f"### {text(clean(label))}"
        if one.comparison is None:
            yield text(clean(one.problem, 400))
        else:
            *body, _ = comparison_markdown.blocks(one.comparison)
            yield from body
    yield f"{text(closing(found))}."


def environments(found: InterpreterMatrix) -> Iterator[str]:
    """The packages under test, a line for each interpreter, then the base's."""
    for one in found.others:
        yield f"under test  {clean(under_test(one.under_test), 300)}  ({clean(one.interpreter.python)})"
    names = ("torch", "triton")
    versions = " ".join(f"{name} {found.base.packages[name]}" for name in names if name in found.base.packages)
    yield f"base        Python {found.base.version} {clean(versions)}  ({clean(found.base.python)})"


def results(found: InterpreterMatrix) -> Iterator[tuple[str, str, str]]:
    """The word, tone and sentence of each comparison."""
    for label, one in zip(found.labels, found.others, strict=True):
        if one.comparison is None:
            yield "FAILED", "alarm", f"{clean(label)}: {clean(one.problem, 400)}"
        else:
            told = outcome(one.comparison)
            yield str(told.word), told.tone, f"{clean(label)}: {told.sentence.lstrip(': ')}"


def closing(found: InterpreterMatrix) -> str:
    return f"exit status {int(found.exit_status)}, the worst of {plural(len(found.others), 'comparison')}"
