"""Charts: the same bytes each time, honest axes, readable by everybody."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import msgspec
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from harness.values.measurement import Work
from harness_reports.charts import charts, drawing
from harness_reports.charts.roofline import draw_roofline
from harness_reports.pages.html_frame import TEMPLATES
from harness_reports.pages.html_page import inline_svg
from harness_reports.views.category_view import CategoryRow, Cell
from harness_reports.views.view import View, build
from tests.reports.hostile import hostile_run
from tests.reports.run_factory import synthetic_run

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def view() -> View:
    return build(synthetic_run(processes=3))


@pytest.fixture(scope="module")
def drawn(view: View) -> tuple[drawing.Chart, ...]:
    return charts.draw_all(view)


def test_there_is_a_chart_of_rates_categories_and_kernels(drawn: tuple[drawing.Chart, ...]) -> None:
    assert [chart.name for chart in drawn] == ["decode", "categories", "kernels", "roofline"]
    assert all(chart.png.startswith(b"\x89PNG") for chart in drawn)


def test_drawing_twice_gives_the_same_bytes(view: View, drawn: tuple[drawing.Chart, ...]) -> None:
    assert charts.draw_all(view) == drawn
    assert not [chart for chart in drawn if b"date" in chart.svg.lower() or b"Matplotlib v" in chart.svg]


@pytest.mark.parametrize("spread", [1.0, 1.5, 4.0, 30.0, 1000.0])
def test_a_roofline_has_readable_numbers_at_its_axes(spread: float) -> None:
    """However near to each other the kernels lie: plain numbers, two or more of them on either axis."""
    run = synthetic_run()
    kernels = [m for m in run.measurements if m.case.kind == "kernel" and m.case.arm == "baseline" and m.work][:2]
    work = kernels[0].work
    assert work is not None and len(kernels) == 2
    flops = (work.flop, round(work.flop * spread))
    moved = [
        msgspec.structs.replace(m, work=msgspec.structs.replace(work, flop=flop))
        for m, flop in zip(kernels, flops, strict=True)
    ]
    chart = draw_roofline(build(msgspec.structs.replace(run, planned=(), measurements=tuple(moved))), want_png=False)
    assert chart is not None
    texts = ["".join(element.itertext()).strip() for element in ET.fromstring(chart.svg).iter(f"{SVG}text")]
    numbers = [float(text) for text in texts if re.fullmatch(r"[0-9.e+-]+", text)]
    assert len(numbers) >= 4 and not any("$" in text for text in texts), texts


def test_every_axis_starts_at_zero_and_names_its_unit(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars from anything but zero exaggerate; the direction that is better stands in words."""
    seen: list[Axes] = []
    original = drawing._draw_panel

    def spy(ax: Axes, *rest: object) -> None:
        original(ax, *rest)  # type: ignore[arg-type]
        seen.append(ax)

    monkeypatch.setattr(drawing, "_draw_panel", spy)
    charts.draw_all(view, want_png=False)
    assert len(seen) == 7
    for ax in seen:
        assert ax.get_xlim()[0] == 0
        assert re.match(r"(us|tokens per second)\b.*(less|more) is better$", ax.get_xlabel())


def test_a_bound_that_is_far_does_not_flatten_the_bars() -> None:
    run = synthetic_run()
    slow = tuple(
        msgspec.structs.replace(m, work=Work(1_000_000, 0, 0)) if m.case.kind == "decode" else m
        for m in run.measurements
    )
    chart = charts.draw_all(build(msgspec.structs.replace(run, measurements=slow)), want_png=False)[0]
    assert b"lies beyond the axis" in chart.svg and b"bound by memory bandwidth" not in chart.svg


@pytest.mark.parametrize("limit", [0.4, 1.02, 1.3, 2.0, 3.0, 9.0])
def test_a_value_is_not_written_over_a_limit(limit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the mark of the limit lies, values stand before or behind it, and inside of the drawing."""
    bars = [
        drawing.Bar(f"case {n}", 0, us, us, us, us * limit, f"{us:.1f} ± 0.4 tok/s", "")
        for n, us in enumerate((500.0, 650.0, 90.0))
    ]
    seen: list[Axes] = []
    original = drawing._draw_panel
    monkeypatch.setattr(drawing, "_draw_panel", lambda ax, *rest: (original(ax, *rest), seen.append(ax)))
    drawing.draw(
        drawing.Plot("p", "P", (drawing.Panel("tokens per second", tuple((bar,) for bar in bars)),)), ("a",), False
    )
    (axes,) = seen
    renderer = FigureCanvasAgg(axes.get_figure()).get_renderer()
    marks = [line for line in axes.lines if len(set(line.get_xdata())) == 1 and line.get_linestyle() != "-"]
    assert len(axes.texts) == len(marks) == len(bars)
    for written, mark in zip(axes.texts, marks, strict=True):
        box = written.get_window_extent(renderer)
        (x, _) = axes.transData.transform((mark.get_xdata()[0], 0))
        assert not box.x0 < x < box.x1 and box.x1 <= axes.get_figure().bbox.x1


def test_every_bar_says_its_value_to_a_pointer_and_to_a_screen_reader(drawn: tuple[drawing.Chart, ...]) -> None:
    kernels = drawn[2]
    tips = [title.text for title in ET.fromstring(kernels.svg).iter(f"{SVG}title")]
    assert "autotuned, triton_vecmat 8,256 w2 s2, 17.15 ± 0.16 us" in tips
    assert "baseline and autotuned, torch_sdpa" in kernels.description
    assert "moe_gate_up, 1 token: baseline" in kernels.description


def test_categories_below_one_percent_are_drawn_as_one(view: View) -> None:
    """Below one percent of the longest arm. Their times are added by arm; what is large in any arm keeps its name; one
    small category alone does, too."""
    first = view.categories[0]

    def row(name: str, *shares: float) -> CategoryRow:
        return CategoryRow(name, tuple(Cell(1000 * share, 1, share, 1.0) for share in shares))

    arms = ("a", "b")
    rows = [
        row("MoE", 0.98, 0.98),
        row("Router", 0.002, 0.011),
        row("KV cache", 0.004, 0.002),
        row("Copies", 0.003, 0.001),
    ]
    table = replace(first, arms=arms, rows=tuple(rows), overlap_us=(0.0, 5.0), total=row("total", 0.989, 0.994))
    panel = charts._category_panel(view, table)
    assert [bars[0].label for bars in panel.groups] == ["MoE", "Router", "2 others"]
    assert [round(bar.value, 6) for bar in panel.groups[-1]] == [7.0, round(3 * (1 - 5 / 994), 6)]
    assert panel.axis.endswith("less is better\ntime that kernels share counts once")
    alone = charts._category_panel(view, replace(table, rows=tuple(rows[:3]), overlap_us=(0.0, 0.0)))
    assert [bars[0].label for bars in alone.groups] == ["MoE", "Router", "KV cache"]


def test_hostile_names_are_text() -> None:
    """`$` is no mathematics, `<` no element, and control characters do not break the XML."""
    for chart in charts.draw_all(build(hostile_run())):
        root = ET.fromstring(chart.svg)
        assert not [element for element in root.iter() if element.tag in (f"{SVG}script", f"{SVG}img", f"{SVG}a")]
        ET.fromstring(str(inline_svg(chart)))


def test_inline_charts_take_the_colours_of_the_page(drawn: tuple[drawing.Chart, ...]) -> None:
    """No colour is left that would stay dark on dark; ids of different charts differ."""
    ids: list[str] = []
    for chart in drawn:
        text = str(inline_svg(chart))
        assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r'href="#\w[^"]*"|url\(#[^)]*\)', "", text))
        assert 'role="img"' in text and "font-family" not in text
        ids += re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_out_in_both_themes() -> None:
    """WCAG 2.2: 3:1 for bars, 4.5:1 for text, on the card they lie on; the style sheet has the charts' own colours."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    pairs = {name: (light, dark) for name, light, dark in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", css)}
    assert tuple(pairs[f"s{place}"][0] for place in range(len(drawing.SERIES))) == drawing.SERIES
    for theme in range(2):
        for place in range(len(drawing.SERIES)):
            assert contrast(pairs[f"s{place}"][theme], pairs["card"][theme]) >= 3
        for name in ("ink", "muted", "link", "good", "bad"):
            for ground in ("paper", "card", "soft"):
                assert contrast(pairs[name][theme], pairs[ground][theme]) >= 4.5, (name, ground, theme)
        assert contrast(pairs["ink"][theme], pairs["warn"][theme]) >= 4.5
