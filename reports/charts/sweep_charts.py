"""Three charts of a sweep in one SVG for each question: the landscape, the choice with its intervals, and the tunables
that matter."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.values.sweep import SweepResult

from ..figures import clean, plus_minus
from ..views.sweep_view import Landscape, SweepView, TopRow, build
from .drawing import STYLE

BLUE, GREY, ORANGE = "#0072B2", "#999999", "#D55E00"
"""Distinct for readers who see no red or green (Okabe and Ito's palette)."""
LABEL_LIMIT = 60
LINE = 36
"""Characters of a configuration's name on one of its lines. The panels need the rest of the width."""
SETTINGS: Any = {**STYLE, "axes.grid": False, "axes.spines.left": True, "font.size": 9}


def draw_sweep(result: SweepResult) -> dict[str, bytes]:
    """An SVG for each question, by the name of its file; the same sweep gives the same bytes."""
    views = map(build, result.questions)
    return {f"{view.name}.svg": draw(view, result.environment.device_name) for view in views}


def draw(view: SweepView, device: str) -> bytes:
    """The panels that have numbers, below one another. The title names question, device and counts."""
    with mpl.rc_context(SETTINGS):
        heights = [
            3.2 if view.landscape else 0, 0.6 + 0.35 * len(view.top) if view.top else 0,
            0.6 + 0.3 * len(view.matters) if view.matters else 0,
        ]  # fmt: skip
        shown = [height for height in heights if height]
        figure = Figure(figsize=(8, 1.4 + sum(shown) + 0.7 * len(shown)), layout="constrained")
        lines = (clean(view.title, 110), f"{clean(device, LABEL_LIMIT)}: {view.counts}", view.trust)
        figure.suptitle("\n".join(lines), fontsize=9)
        if shown:
            panels = iter(figure.subplots(len(shown), 1, squeeze=False, height_ratios=shown)[:, 0])
            if view.landscape:
                _landscape(next(panels), view.landscape)
            if view.top:
                _top(next(panels), view.top, view.alike)
            if view.matters:
                _matters(next(panels), view.matters)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        return out.getvalue()


def _landscape(axes: Axes, found: Landscape) -> None:
    """Colour by the logarithm, with the number in each cell: colour alone gives no exact value."""
    times = [[float("nan") if cell is None else cell for cell in row] for row in found.cells]
    known = [cell for row in found.cells for cell in row if cell is not None]
    norm = mpl.colors.LogNorm(min(known), max(max(known), min(known) * 1.001))
    axes.imshow(times, cmap="viridis_r", norm=norm, aspect="auto")
    for y, row in enumerate(found.cells):
        for x, cell in enumerate(row):
            dark = cell is not None and norm(cell) > 0.5
            axes.text(x, y, _short(cell), ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.set_xticks(range(len(found.columns)), [clean(name, 20) for name in found.columns])
    axes.set_yticks(range(len(found.rows)), [clean(name, 20) for name in found.rows])
    axes.set_xlabel(clean(found.column_name, LABEL_LIMIT))
    axes.set_ylabel(clean(found.row_name, LABEL_LIMIT))
    axes.set_title("us a call when choosing, best of the other tunables", fontsize=9)


def _short(us: float | None) -> str:
    return "-" if us is None else f"{us:.3g}" if us < 999.5 else f"{us:,.0f}"


def _top(axes: Axes, rows: tuple[TopRow, ...], alike: str) -> None:
    """Bars from zero, with 95 % intervals as whiskers."""
    for y, row in enumerate(rows):
        e = row.time_us
        colour = GREY if row.is_baseline else ORANGE if row.is_winner else BLUE
        axes.barh(y, e.value, color=colour, xerr=[[e.value - e.low], [e.high - e.value]], capsize=3)
        mark = ", winner" if row.is_winner else ""
        _value(axes, e.high, y, f"{plus_minus(e)} us, {row.gain}{mark}")
    axes.set_yticks(range(len(rows)), ["\n".join(textwrap.wrap(clean(row.name, 2 * LINE), LINE)) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.6 * max(row.time_us.high for row in rows))
    axes.set_title(f"in all of them: {clean(alike, LABEL_LIMIT)}" if alike else "", fontsize=9)
    processes = rows[0].time_us.n
    axes.set_xlabel(f"us a call, 95 % over {processes} fresh processes; less is better")


def _matters(axes: Axes, shares: tuple[tuple[str, float], ...]) -> None:
    axes.barh(range(len(shares)), [100 * share for _, share in shares], color=BLUE)
    for y, (_, share) in enumerate(shares):
        _value(axes, 100 * share, y, f"{100 * share:.0f} %")
    axes.set_yticks(range(len(shares)), [clean(name, LABEL_LIMIT) for name, _ in shares])
    axes.invert_yaxis()
    axes.set_xlim(0, 115)
    axes.set_xlabel("% of the spread of log time that it explains alone")


def _value(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
