"""A comparison on a terminal: what gates first, each verdict with its ratio, interval and number of units, then why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.compare.explain import Explanation
from harness.values.reason import reason_words
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict

from .explanation import lines
from .figures import UNKNOWN, clean, gib, number, plural

MEASURED = 1000
"""Columns within which the table's own width is found; one that does not fit is stacked, so that no id is cut."""
UNITS = {"kernel_us": "us", "decode_us": "us/token", "prefill_us": "us/pass", "peak_memory_bytes": "GiB"}
STYLES = {Verdict.SLOWER: "bold red", Verdict.FASTER: "bold green", Verdict.INVALID: "bold magenta"}
EXPLAINED = (Verdict.INVALID, Verdict.UNDECIDED, Verdict.SLOWER, Verdict.FASTER, Verdict.SAME)
"""Verdicts whose reason is printed, in this order."""


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
        rows = sorted(c.verdicts, key=lambda verdict: not verdict.gated)
        table = _table(rows)
        if console.measure(table, options=options.update(max_width=MEASURED)).maximum <= options.max_width:
            yield table
        else:
            yield from _stacked(rows)
        yield from _reasons(rows)
        for head, words in lines(self.explanation):
            yield _hanging(head or "       ", words)
        for note in c.notes:
            yield _hanging("note", note)
        yield Text(f"exit status {int(c.exit_status)}")


def render(comparison: Comparison, explanation: Explanation | None = None) -> Rendered:
    """What `console.print` shows of a comparison, and of what explains it."""
    return Rendered(comparison, explanation or Explanation())


def side_words(side: Side) -> str:
    """`run 12, arm autotuned · qwen3_5_moe · 4 processes · commit 4f2c9e1+ · first try`."""
    run = f"run {side.run}" + (f", arm {side.arm}" if side.arm else "")
    state = "" if side.state == "complete" else side.state
    commit = f"commit {side.commit[:8]}{'+' * side.commit.endswith('+')}" if side.commit else ""
    parts = [run, side.suite, side.started[:16].replace("T", " "), plural(side.processes, "process", "processes")]
    return clean(" · ".join(part for part in (*parts, commit, state, side.note) if part), 300)


def headline(comparison: Comparison) -> str:
    """Every gated case that moved, in words; else how the gated verdicts are spread."""
    gated = [verdict for verdict in comparison.verdicts if verdict.gated]
    moved = [verdict for verdict in gated if verdict.verdict in (Verdict.SLOWER, Verdict.FASTER)]
    moved.sort(key=lambda verdict: verdict.verdict is Verdict.FASTER)
    if moved:
        return "\n".join(f"{v.verdict:<8} {clean(v.case)} {ratio_words(v)}" for v in moved)
    counts = Counter(verdict.verdict for verdict in gated)
    spread = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"{plural(len(gated), 'gated verdict')}: {spread or 'none'}"


def ratio_words(verdict: CaseVerdict) -> str:
    """`1.020x slower [1.016, 1.023]`; for memory `1.05x more`; empty where there is no ratio."""
    ratio = verdict.ratio
    if ratio is None:
        return ""
    if verdict.metric == "peak_memory_bytes":
        return "equal" if ratio.value == 1 else ratio.worded("more", "less")
    return f"{'equal' if ratio.value == 1 else ratio.words} {ratio.interval}"


def _table(rows: list[CaseVerdict]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("case", no_wrap=True)
    for heading in ("base", "head"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("ratio, interval", no_wrap=True)
    table.add_column("%", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("units", justify="right", no_wrap=True)
    for v in rows:
        table.add_row(
            "gate" if v.gated else "", Text(clean(v.case)), shown_value(v, v.base), shown_value(v, v.head),
            UNITS[v.metric], ratio_words(v), sure(v), Text(v.verdict, style=STYLES.get(v.verdict, "")),
            units_counted(v),
        )  # fmt: skip
    return table


def _stacked(rows: list[CaseVerdict]) -> Iterator[RenderableType]:
    for v in rows:
        gate = "gate  " if v.gated else ""
        yield Text.assemble(gate, (str(v.verdict), STYLES.get(v.verdict, "")), f"  {clean(v.case)}")
        values = f"{shown_value(v, v.base)} -> {shown_value(v, v.head)} {UNITS[v.metric]}"
        parts = [values, ratio_words(v), f"{sure(v)} %" if sure(v) else "", f"units: {units_counted(v)}"]
        yield Padding(Text(" · ".join(part for part in parts if part)), (0, 0, 0, 4))


def _reasons(rows: list[CaseVerdict]) -> Iterator[RenderableType]:
    """Each reason once, with the cases that it is the reason of."""
    for verdict in EXPLAINED:
        cases: dict[str, list[str]] = {}
        for row in rows:
            if row.verdict is verdict and has_reason(row):
                cases.setdefault(reason_words(row.reason), []).append(clean(row.case))
        for reason, names in cases.items():
            several = names[0] if len(names) == 1 else f"{len(names)} cases"
            yield _hanging(verdict, f"{several}: {clean(reason, 600)}")


def has_reason(verdict: CaseVerdict) -> bool:
    """Whether its row leaves open why. A measured SAME says all in its interval, one without figures says nothing."""
    return verdict.verdict is not Verdict.SAME or verdict.ratio is None


def _hanging(head: str, text: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(head, Text(text))
    return grid


def shown_value(verdict: CaseVerdict, value: float | None) -> str:
    """A side's value in the unit of its metric."""
    if value is None:
        return UNKNOWN
    return gib(value) if verdict.metric == "peak_memory_bytes" else number(value)


def sure(verdict: CaseVerdict) -> str:
    """Confidence of the interval; none for what is exact."""
    exact = verdict.ratio is None or verdict.ratio.low == verdict.ratio.high
    return "" if verdict.ratio is None or exact else f"{100 * verdict.ratio.confidence:.3g}"


def units_counted(verdict: CaseVerdict) -> str:
    """`6 pairs`, `4 a side`, or `20 rounds` of a side's only process."""
    if verdict.ratio is None or verdict.ratio.level == "exact":
        return UNKNOWN
    return f"{verdict.ratio.n} {({'pair': 'pairs', 'process': 'a side'}).get(verdict.ratio.level, 'rounds')}"
