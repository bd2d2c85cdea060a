"""Several machines side by side as Markdown, as one HTML file and on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from harness.errors import HarnessError, allowed

from .budget import Block, Ranked, Row, fit
from .drawing import Bar, Chart, Panel, Plot, draw
from .figures import UNKNOWN, bracketed, number, percent, plus_minus
from .html_page import Figure, inline_svg
from .html_page import page as html_page
from .machines import Line, Place, Question, SideBySide
from .markdown_cells import code, text

FORMATS = ("md", "html")
PAGES = (*FORMATS, "text")
WIDE = 110
MOST_GROUPS = 24
"""Questions of the chart; the table has all."""


def files(side: SideBySide, formats: Collection[str] = ()) -> dict[str, bytes]:
    """`machines.md` and `machines.html`, or those asked for."""
    return {f"machines.{_checked(name)}": page(side, name).encode() for name in formats or FORMATS}


def page(side: SideBySide, name: str) -> str:
    """One page: md, html or text."""
    if _checked(name, PAGES) == "html":
        return _html(side)
    if name == "md":
        return fit(list(_markdown(side)))
    out = io.StringIO()
    Console(file=out, width=160, color_system=None, legacy_windows=False).print(render(side))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _checked(name: str, known: tuple[str, ...] = FORMATS) -> str:
    if name not in known:
        raise HarnessError(f"--format: {name} is not made of several runs; {allowed(name, known)}")
    return name


def _markdown(side: SideBySide) -> Iterator[Block]:
    yield f"## {len(side.machines)} runs side by side"
    yield "No verdict is given between machines: they differ in more than the code."
    rows = [Row((code(m.label), text(m.run), text(m.state), text(" · ".join(m.facts)))) for m in side.machines]
    yield Ranked(("Machine", "Run", "State", ""), tuple(rows))
    headings = ["Question", "Answer"]
    for machine in side.machines:
        headings += [code(machine.label), "Of its read", "Rank"]
    for unit, questions in _by_unit(side):
        lines = []
        for question in questions:
            for place, line in enumerate(question.lines):
                cells = [text(question.name), code(line.answer)]
                for found, why in zip(line.places, line.missing, strict=True):
                    cells += _cells(found, why, bracketed)
                lines.append(Row(tuple(cells), place, "answers"))
        yield f"### {unit}"
        right = tuple(column for column in range(2, len(headings)))
        yield Ranked(tuple(headings), tuple(lines), right)
    if side.differences:
        rows = [Row((text(name), *(text(value) for value in values))) for name, values in side.differences]
        yield "### What differs"
        yield Ranked(("", *(code(machine.label) for machine in side.machines)), tuple(rows))
    yield "\n".join(f"- {text(note)}" for note in side.notes)


def _by_unit(side: SideBySide) -> Iterator[tuple[str, list[Question]]]:
    for unit in dict.fromkeys(question.unit for question in side.questions):
        yield unit, [question for question in side.questions if question.unit == unit]


def _cells(place: Place | None, why: str, show: Callable[[Any], str]) -> list[str]:
    if place is None:
        return [why, UNKNOWN, UNKNOWN]
    return [show(place.time), percent(place.bound_share), f"{place.rank} of {place.of}"]


class Rendered:
    """A rich renderable that chooses its layout by the width it is given."""

    def __init__(self, side: SideBySide) -> None:
        self.side = side

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for machine in self.side.machines:
            yield Text(" · ".join([machine.label, f"run {machine.run}", *machine.facts]), style="bold")
        for unit, questions in _by_unit(self.side):
            yield Text()
            wide = options.max_width >= WIDE
            yield self._wide(unit, questions) if wide else self._narrow(unit, questions)
        yield Text()
        for note in self.side.notes:
            yield Text(note)

    def _wide(self, unit: str, questions: list[Question]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(unit, overflow="fold")
        table.add_column("answer", overflow="fold")
        for machine in self.side.machines:
            for heading in (Text(machine.label), Text("of its read"), Text("rank")):
                table.add_column(heading, justify="right", overflow="fold")
        for question in questions:
            name = question.name
            for line in question.lines:
                cells = [name, line.answer, *_flat(line)]
                table.add_row(*(Text(cell) for cell in cells))
                name = ""
        return table

    def _narrow(self, unit: str, questions: list[Question]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading, justify in ((unit, "left"), ("", "right"), ("of its read", "right"), ("rank", "right")):
            table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for question in questions:
            for line in question.lines:
                table.add_row(Text(f"{question.name}, {line.answer}", style="bold"))
                for machine, place, why in zip(self.side.machines, line.places, line.missing, strict=True):
                    table.add_row(Text(f"  {machine.label}"), *(Text(c) for c in _cells(place, why, plus_minus)))
        return table


def _flat(line: Line) -> Iterator[str]:
    for place, why in zip(line.places, line.missing, strict=True):
        yield from _cells(place, why, plus_minus)


def render(side: SideBySide) -> Rendered:
    """What `console.print` shows."""
    return Rendered(side)


def chart(side: SideBySide) -> Chart | None:
    """Share of each machine's own bandwidth, of the best answer to each question."""
    groups = []
    for question in side.questions:
        bars: list[Bar] = []
        for number_of, machine in enumerate(side.machines):
            places = [place for line in question.lines if (place := line.places[number_of])]
            best = min(places, key=lambda place: place.rank, default=None)
            if best is None or best.bound_share is None:
                continue
            share = 100 * best.bound_share
            tip = f"{machine.label}, {plus_minus(best.time)} {question.unit}, {percent(best.bound_share)} of its read"
            label = "" if bars else question.name.replace(", ", "\n", 1)
            bars.append(Bar(label, number_of, share, share, share, None, f"{number(share)} %", tip))
        if bars:
            groups.append(tuple(bars))
    if not groups:
        return None
    panel = Panel("% of the machine's own read bandwidth, more is better", tuple(groups[:MOST_GROUPS]))
    plot = Plot("machines", "Best answer on each machine", (panel,))
    return draw(plot, [machine.label for machine in side.machines], want_png=False)


def _html(side: SideBySide) -> str:
    drawn = chart(side)
    charts = {drawn.name: Figure(drawn.title, inline_svg(drawn))} if drawn else {}
    filters = {"bracketed": bracketed}
    return html_page("machines.html.j2", filters, side=side, charts=charts, sections=(), units=list(_by_unit(side)))
