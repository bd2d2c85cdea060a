"""A comparison on a terminal. Gated verdicts come first, each with its ratio, interval and number of units; then the
reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group
from rich.text import Text

from harness.compare.explain import Explanation
from harness.values.environment import short_commit
from harness.values.interpreter import under_test
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict

from ..figures import clean, plural
from ..formats.terminal_table import Shown
from ..tables.comparison import ratio_words, verdicts
from ..tables.run import pairs
from ..views.explanation import lines


def render(comparison: Comparison, explanation: Explanation | None = None) -> Group:
    """The renderable of a comparison and its explanation, for `console.print`."""
    c = comparison
    said = [*reasons(c), *lines(explanation or Explanation()), *(("note", note) for note in c.notes)]
    packages = [] if c.under_test is None else [Text(f"under test  {clean(under_test(c.under_test), 300)}")]
    return Group(
        *packages,
        Text(headline(c), style="bold"),
        *(Text(), Text(f"base  {side_words(c.base)}"), Text(f"head  {side_words(c.head)}")),
        *(Text(f"differs, accepted  {clean(difference.words, 400)}") for difference in c.differences),
        Text(),
        Shown(verdicts(c).pick("gate case base head unit ratio confidence verdict units outputs", unit="")),
        *(Text(), Shown(pairs("reasons", "Reasons", "", said))),
        Text(f"exit status {int(c.exit_status)}"),
    )


def summary(comparison: Comparison) -> Text:
    """Its first lines and its last: the verdicts and the exit status."""
    return Text(f"{headline(comparison)}\nexit status {int(comparison.exit_status)}")


def side_words(side: Side) -> str:
    """`run 12, arm autotuned · qwen3_5_moe · 4 processes · commit 4f2c9e1+ · first try`."""
    run = f"run {side.run}" + (f", arm {side.arm}" if side.arm else "")
    state = "" if side.state == "complete" else side.state
    commit = f"commit {short_commit(side.commit, 8)}" if side.commit else ""
    parts = [run, side.suite, side.started[:16].replace("T", " "), plural(side.processes, "process", "processes")]
    return clean(" · ".join(part for part in (*parts, commit, state, side.note) if part), 300)


def headline(comparison: Comparison) -> str:
    """Name every gated case that moved; if none did, the distribution of the gated verdicts."""
    gated = [verdict for verdict in comparison.verdicts if verdict.gated]
    moved = [verdict for verdict in gated if verdict.verdict in (Verdict.SLOWER, Verdict.FASTER)]
    moved.sort(key=lambda verdict: verdict.verdict.rank)
    if moved:
        return "\n".join(f"{v.verdict:<8} {clean(v.case)} {ratio_words(v)}" for v in moved)
    counts = Counter(verdict.verdict for verdict in gated)
    spread = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"{plural(len(gated), 'gated verdict')}: {spread or 'none'}"


def reasons(comparison: Comparison) -> Iterator[tuple[Verdict, str]]:
    """Each reason once, the worst verdict first, with its case or the number of cases that share it."""
    for verdict, cases in cases_by_reason(comparison):
        for reason, names in cases.items():
            several = names[0] if len(names) == 1 else f"{len(names)} cases"
            yield verdict, f"{several}: {clean(reason, 600)}"


def cases_by_reason(comparison: Comparison) -> Iterator[tuple[Verdict, dict[str, list[str]]]]:
    """Each verdict, the worst first, with the names of its cases grouped by reason."""
    for verdict in Verdict:
        cases: dict[str, list[str]] = {}
        for row in comparison.verdicts:
            if row.verdict is verdict and has_reason(row):
                cases.setdefault(row.words, []).append(clean(row.case))
        yield verdict, cases


def has_reason(verdict: CaseVerdict) -> bool:
    """Whether its row needs a reason. The interval of a measured SAME tells all; a SAME without figures tells
    nothing."""
    return verdict.verdict is not Verdict.SAME or verdict.ratio is None
