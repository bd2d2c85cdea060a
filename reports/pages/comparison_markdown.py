"""A comparison as Markdown for a pull request or a job summary: verdict first, within a number of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.explain import Explanation
from harness.values.interpreter import under_test
from harness.values.verdict import Comparison, Verdict

from ..figures import clean
from ..formats.budget import LIMIT_BYTES, Block, fit
from ..formats.markdown_cells import code, text
from ..formats.mermaid import bars
from ..tables.comparison import ratio_words, verdicts
from ..views.explanation import lines
from ..views.outcome import MOST_NAMED, NAME_LIMIT, outcome
from .comparison import cases_by_reason, side_words


def render(comparison: Comparison, limit_bytes: int = LIMIT_BYTES, explanation: Explanation | None = None) -> str:
    """The whole page. Rows are dropped in the order ungated SAME, FASTER, UNDECIDED, ...; gated SLOWER is dropped
    last."""
    *found, notes, status = blocks(comparison)
    said = "\n".join(
        f"- {text(f'{head}: ' if head else '')}{text(words)}" for head, words in lines(explanation or Explanation())
    )
    why = ["### Explanation", said] if said else []
    return fit([*found, *why, notes, status], limit_bytes)


def blocks(comparison: Comparison) -> Iterator[Block]:
    """The verdict, sides, chart, table, reasons and notes, in this order."""
    c = comparison
    yield verdict_line(c)
    packages = [] if c.under_test is None else [f"under test: {text(clean(under_test(c.under_test), 300))}"]
    yield "\\\n".join([*packages, f"base: {text(side_words(c.base))}", f"head: {text(side_words(c.head))}"])
    if c.differences:
        word = "accepted" if c.comparable else "why they are not comparable"
        yield f"Conditions that differ, {word}:\n" + "\n".join(
            f"- {text(clean(difference.words, 400))}" for difference in c.differences
        )
    yield _chart(c)
    if c.verdicts:
        yield verdicts(c).pick("gate case base head unit ratio confidence verdict units outputs apart")
    yield "\n".join(_reasons(c))
    yield "\n".join(f"- {text(clean(note, 400))}" for note in c.notes)
    yield f"Exit status {int(c.exit_status)}."


def verdict_line(comparison: Comparison) -> str:
    """The gated cases that moved, by name, and every failed case, gated or not. The others are counted."""
    found = outcome(comparison)
    lines = [f"**{found.word}**{text(found.sentence)}"]
    for kind, moved in found.moved:
        for v in moved[:MOST_NAMED]:
            lines.append(f"- **{kind}** {code(clean(v.case, NAME_LIMIT))} {text(ratio_words(v))}".rstrip())
        if len(moved) > MOST_NAMED:
            lines.append(f"- **{kind}** and {len(moved) - MOST_NAMED:,} more")
    return "\n".join(lines)


def _chart(comparison: Comparison) -> str:
    """Change of the gated cases that moved, in percent more time. Each chart has one sign, and bars start at zero."""
    slower = [v for v in comparison.verdicts if v.gated and v.verdict is Verdict.SLOWER and v.ratio is not None]
    changes = sorted(((v.ratio.value - 1) * 100, v.case) for v in slower if v.ratio)[::-1]
    return bars(
        "Gated cases that are slower", "% more", [case for _, case in changes], [change for change, _ in changes]
    )


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Each reason once, with its case or the number of cases that share it."""
    for kind, cases in cases_by_reason(comparison):
        ordered = sorted(cases.items(), key=lambda item: -len(item[1]))
        for reason, names in ordered[:MOST_NAMED]:
            which = code(names[0]) if len(names) == 1 else f"{len(names):,} cases"
            yield f"- {kind}, {which}: {text(clean(reason, 400))}"
        if len(ordered) > MOST_NAMED:
            yield f"- {kind}: {len(ordered) - MOST_NAMED:,} more reasons are left out."
