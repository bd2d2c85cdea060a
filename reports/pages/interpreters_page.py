"""A suite under several interpreters as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.compare.explain import Explanation
from harness.values.interpreter_matrix import InterpreterMatrix

from ..figures import clean
from ..tables.comparison import verdicts
from ..tables.interpreters import matrix
from ..views.explanation import lines
from .comparison import reasons
from .html_frame import page
from .interpreters import closing, environments, results


def render(found: InterpreterMatrix, explanations: Sequence[Explanation | None] = ()) -> str:
    """The page as text: the matrix, then the verdicts of each comparison."""
    tables = [("interpreters", matrix(found))]
    said = [f"{word} {rest}" for word, _, rest in results(found)]
    for number, (label, one) in enumerate(zip(found.labels, found.others, strict=True), 2):
        if one.comparison is not None:
            tables.append((f"python_{number}", replace(verdicts(one.comparison), title=f"Verdicts: {clean(label)}")))
            said += [f"{clean(label)}: {word}: {words}" for word, words in reasons(one.comparison)]
            said += [f"{clean(label)}: {clean(note, 400)}" for note in one.comparison.notes]
    for label, explanation in zip(found.labels, explanations, strict=False):
        said += [f"{clean(label)}: {head} {words}".strip() for head, words in lines(explanation or Explanation())]
    word, tone, rest = min(results(found), key=lambda result: result[1] not in ("alarm", "worse"))
    return page(
        "matrix.html.j2",
        {},
        heading=f"One suite under {len(found.others) + 1} interpreters",
        sections=[("verdict", "Verdict"), *((anchor, table.title) for anchor, table in tables)],
        facts=list(environments(found)),
        facts_label="Interpreters",
        verdict=word,
        tone=tone,
        rest=rest,
        reasons=said,
        tables=tables,
        command="harness compare",
        closing=closing(found),
    )
