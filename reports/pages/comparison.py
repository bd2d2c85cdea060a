"""A comparison on a terminal: what gates first, each verdict with its ratio, interval and number of units, then why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from harness.compare.explain import Explanation
from harness.values.environment import short_commit
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict

from ..figures import clean, plural
from ..formats.terminal_table import Shown
from ..tables.comparison import ratio_words, verdicts
from ..tables.run import pairs
from ..views.explanation import lines


class Rendered:
    """A rich renderable that chooses its layout by the width it is given."""

    def __init__(self, comparison: Comparison, explanation: Explanation) -> None:
        self.comparison, self.explanation = comparison, explanation

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        c = self.comparison
        yield Text(f"base  {side_words(c.base)}")
        yield Text(f"head  {side_words(c.head)}")
        for difference in c.differences:
            yield Text(f"differs, accepted  {clean(difference.words, 400)}")
        yield Text()
        yield Text(headline(c), style="bold")
        yield Text()
        columns = "gate case base head unit ratio confidence verdict units"
        yield Shown(verdicts(c).pick(columns, unit=""))
        yield Text()
        said = [*reasons(c), *lines(self.explanation), *(("note", note) for note in c.notes)]
        yield Shown(pairs("reasons", "Reasons", "", said))
        yield Text(f"exit status {int(c.exit_status)}")


def render(comparison: Comparison, explanation: Explanation | None = None) -> Rendered:
    """What `console.print` shows of a comparison, and of what explains it."""
    return Rendered(comparison, explanation or Explanation())


def side_words(side: Side) -> str:
    """`run 12, arm autotuned · qwen3_5_moe · 4 processes · commit 4f2c9e1+ · first try`."""
    run = f"run {side.run}" + (f", arm {side.arm}" if side.arm else "")
    state = "" if side.state == "complete" else side.state
    commit = f"commit {short_commit(side.commit, 8)}" if side.commit else ""
    parts = [run, side.suite, side.started[:16].replace("T", " "), plural(side.processes, "process", "processes")]
    return clean(" · ".join(part for part in (*parts, commit, state, side.note) if part), 300)


def headline(comparison: Comparison) -> str:
    """Every gated case that moved, in words; else how the gated verdicts are spread."""
    gated = [verdict for verdict in comparison.verdicts if verdict.gated]
    moved = [verdict for verdict in gated if verdict.verdict in (Verdict.SLOWER, Verdict.FASTER)]
    moved.sort(key=lambda verdict: verdict.verdict.rank)
    if moved:
        return "\n".join(f"{v.verdict:<8} {clean(v.case)} {ratio_words(v)}" for v in moved)
    counts = Counter(verdict.verdict for verdict in gated)
    spread = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"{plural(len(gated), 'gated verdict')}: {spread or 'none'}"


def reasons(comparison: Comparison) -> Iterator[tuple[Verdict, str]]:
    """Each reason once, the worst verdict first, with the case or the number of cases that it is the reason of."""
    for verdict in Verdict:
        cases: dict[str, list[str]] = {}
        for row in comparison.verdicts:
            if row.verdict is verdict and has_reason(row):
                cases.setdefault(row.words, []).append(clean(row.case))
        for reason, names in cases.items():
            several = names[0] if len(names) == 1 else f"{len(names)} cases"
            yield verdict, f"{several}: {clean(reason, 600)}"


def has_reason(verdict: CaseVerdict) -> bool:
    """Whether its row leaves open why. A measured SAME says all in its interval, one without figures says nothing."""
    return verdict.verdict is not Verdict.SAME or verdict.ratio is None
