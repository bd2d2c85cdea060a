"""Several machines side by side as Markdown, as one HTML file and on a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from harness.errors import HarnessError, allowed

from ..charts.drawing import Bar, Chart, Panel, Plot, draw
from ..figures import number, percent, plus_minus
from ..formats import console
from ..formats.budget import Block, fit
from ..formats.markdown_cells import text
from ..formats.terminal_table import Shown
from ..tables.machines import answers, by_unit, differences, runs
from ..views.machines import MachineResult, SideBySide
from .html_frame import page as html_page
from .html_page import figures

FORMATS = ("md", "html")
PAGES = (*FORMATS, "text")
MOST_GROUPS = 24
"""Questions that the chart shows; the table has all of them."""


def files(side: SideBySide, formats: Collection[str] = ()) -> dict[str, bytes]:
    """`machines.md` and `machines.html`, or the requested formats."""
    return {f"machines.{_checked(name)}": page(side, name).encode() for name in formats or FORMATS}


def page(side: SideBySide, name: str) -> str:
    """One page: md, html or text."""
    if _checked(name, PAGES) == "html":
        return _html(side)
    if name == "md":
        return fit(list(_markdown(side)))
    return console.plain(render(side), columns=160)


def _checked(name: str, known: tuple[str, ...] = FORMATS) -> str:
    if name not in known:
        raise HarnessError(f"--format: {name} is not made of several runs; {allowed(name, known)}")
    return name


def _markdown(side: SideBySide) -> Iterator[Block]:
    yield f"## {len(side.machines)} runs side by side"
    yield "No verdict is given between machines: they differ in more than the code."
    yield runs(side)
    for unit, questions in by_unit(side):
        yield f"### {unit}"
        yield answers(side, unit, questions)
    if side.differences:
        yield "### What differs"
        yield differences(side)
    yield "\n".join(f"- {text(note)}" for note in side.notes)


def render(side: SideBySide) -> Group:
    """The renderable of the comparison, for `console.print`."""
    heads = (" · ".join([machine.label, f"run {machine.run}", *machine.facts]) for machine in side.machines)
    parts: list[RenderableType] = [Text(head, style="bold") for head in heads]
    for unit, questions in by_unit(side):
        parts += [Text(), Shown(answers(side, unit, questions))]
    return Group(*parts, Text(), *(Text(note) for note in side.notes))


def chart(side: SideBySide) -> Chart | None:
    """The best answer to each question as a share of each machine's own bandwidth."""
    groups = []
    for question in side.questions:
        bars: list[Bar] = []
        for number_of, machine in enumerate(side.machines):
            results = (line.results[number_of] for line in question.lines)
            timed = (result for result in results if isinstance(result, MachineResult))
            best = min(timed, key=lambda result: result.rank, default=None)
            if best is None or best.bound_share is None:
                continue
            share = 100 * best.bound_share
            tip = f"{machine.label}, {plus_minus(best.time)} {question.unit}, {percent(best.bound_share)} of its read"
            label = "" if bars else question.name.replace(", ", "\n", 1)
            bars.append(Bar.exact(label, number_of, share, f"{number(share)} %", tip))
        if bars:
            groups.append(tuple(bars))
    if not groups:
        return None
    panel = Panel("% of the machine's own read bandwidth, more is better", tuple(groups[:MOST_GROUPS]))
    plot = Plot("machines", "Best answer on each machine", (panel,))
    return draw(plot, [machine.label for machine in side.machines], want_png=False)


def _html(side: SideBySide) -> str:
    charts = figures(filter(None, [chart(side)]))
    units = [(unit, answers(side, unit, questions)) for unit, questions in by_unit(side)]
    differ = differences(side) if side.differences else None
    return html_page("machines.html.j2", {}, side=side, charts=charts, sections=(), units=units, differ=differ)
