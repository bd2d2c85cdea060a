"""The roofline: each kernel's FLOP per byte and per second, under the limits of the memory and the device.

Both axes are logarithmic: a kernel of the decode lies three decades below the arithmetic peak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from ..figures import bandwidth, clean, number, percent, plural
from ..views.device_peaks import Peak, peak_of
from ..views.view import View
from .drawing import GRID, INK, LABEL_LIMIT, MUTED, SERIES, STYLE, VALUE_PT, WIDTH_IN, Chart, finish

HEIGHT_IN = 4.0
MARKERS = "osD^vP"
"""Marker of each arm beside its colour, so that neither is needed alone."""

POINT: Any = {"ms": 6, "mec": "white", "mew": 0.5, "clip_on": False}
LEAST_POINTS = 2
MOST_SPOKEN = 24
NARROW = 100
"""An axis that spans less than this factor has one or two powers of ten."""
FARTHEST = 1e4
"""Most times that a kernel may lie below the fastest. A router does next to no arithmetic, and would press all others
together."""


@dataclass(frozen=True)
class Spot:
    """A kernel's answer. flop_per_byte: over its least bytes. tflop_s: reached."""

    arm: int
    flop_per_byte: float
    tflop_s: float
    tip: str


def draw_roofline(view: View, want_png: bool = True) -> Chart | None:
    """None if the read bandwidth is unknown, or if fewer than two kernels have work."""
    every = sorted(_spots(view), key=lambda spot: spot.arm)  # the first arm has most answers, so it is drawn below
    spots = [spot for spot in every if spot.tflop_s * FARTHEST >= max(other.tflop_s for other in every)]
    if view.read_gb_s is None or len(spots) < LEAST_POINTS:
        return None
    peak = peak_of(view.device)
    tips: dict[str, str] = {}
    with mpl.rc_context({**STYLE, "axes.grid.axis": "both", "axes.spines.left": True}):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        axes = figure.add_axes((0.115, 0.13, 0.865, 0.66))
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = min(s.flop_per_byte for s in spots) / 3, max(s.flop_per_byte for s in spots) * 3
        handles = _roofs(axes, view.read_gb_s, peak, low, high)
        for place, spot in enumerate(spots):
            gid = f"tip-roofline-{place}"
            tips[gid] = spot.tip
            marker, colour = _look(spot.arm)
            axes.plot([spot.flop_per_byte], [spot.tflop_s], marker, color=colour, gid=gid, **POINT)
        axes.set_xlim(low, high)
        axes.set_ylim(bottom=min(s.tflop_s for s in spots) / 3)
        beyond = len(every) - len(spots)
        below = f"; {plural(beyond, 'answer lies', 'answers lie')} below the axis" if beyond else ""
        axes.set_xlabel(f"FLOP per byte of the least traffic{below}")
        axes.set_ylabel("TFLOP/s reached, more is better")
        axes.yaxis.label.set_color(MUTED)
        axes.grid(True, which="major", color=GRID, lw=0.6)
        for axis in (axes.xaxis, axes.yaxis):
            _label_decades(axis)
        figure.text(0.12 / WIDTH_IN, 1 - 0.24 / HEIGHT_IN, "Roofline of the kernels", fontweight="bold", fontsize=11)
        handles = [*_legend_of_arms(view, spots), *handles]
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0.06 / WIDTH_IN, 1 - 0.3 / HEIGHT_IN),
            ncols=3, borderaxespad=0, fontsize=VALUE_PT,
        )  # fmt: skip
        svg, png = finish(figure, tips, want_png)
    return Chart("roofline", "Roofline of the kernels", _spoken(view, peak, spots), svg, png)


def _label_decades(axis: Axis) -> None:
    """Label powers of ten, and 2 and 5 between them on an axis so short that it might show none."""
    low, high = axis.get_view_interval()
    within = (1, 2, 5) if high < low * NARROW else (1,)
    axis.set_major_locator(LogLocator(subs=within))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def _spots(view: View) -> Iterator[Spot]:
    for group in view.kernels:
        for row in group.rows:
            measurement = row.source.measurement
            work = measurement.work if measurement else None
            if work is None or not row.estimate or work.bytes <= 0 or work.flop <= 0:
                continue
            tflop_s = work.flop / row.estimate.value / 1e6
            per_byte = work.flop / work.bytes
            what = f"{group.name}, {group.axes}, {' and '.join(row.arms)}, {row.config}"
            tip = f"{what}: {number(per_byte)} FLOP/byte, {number(tflop_s)} TFLOP/s, {percent(row.bound_share)} of read"
            yield Spot(view.place(row.arms[0]), per_byte, tflop_s, tip)


def _roofs(axes: mpl.axes.Axes, read_gb_s: float, peak: Peak | None, low: float, high: float) -> list[Line2D]:
    top = peak.bf16_tflop_s if peak else float("inf")
    lines = [(read_gb_s, "-", f"measured read, {bandwidth(read_gb_s)}")]
    if peak:
        lines.append((peak.memory_gb_s, ":", f"data sheet, {bandwidth(peak.memory_gb_s)}"))
    handles = []
    for gb_s, dashes, label in lines:
        corner = min(high, max(low, top * 1e3 / gb_s))
        xs = [low, corner, high]
        axes.plot(xs, [min(top, x * gb_s / 1e3) for x in xs], color=INK, lw=1.4, ls=dashes)
        handles.append(Line2D([], [], color=INK, lw=1.4, ls=dashes, label=label))
    return handles


def _legend_of_arms(view: View, spots: Sequence[Spot]) -> Iterator[Line2D]:
    for arm in sorted({spot.arm for spot in spots}):
        marker, colour = _look(arm)
        yield Line2D([], [], ls="", marker=marker, color=colour, label=clean(view.arms[arm], LABEL_LIMIT))


def _look(arm: int) -> tuple[str, str]:
    """Marker and colour."""
    return MARKERS[arm % len(MARKERS)], SERIES[arm % len(SERIES)]


def _spoken(view: View, peak: Peak | None, spots: Sequence[Spot]) -> str:
    roofs = f"Measured read bandwidth {bandwidth(view.read_gb_s or 0)}"
    if peak:
        roofs += f"; {clean(peak.source)}: {bandwidth(peak.memory_gb_s)}, {number(peak.bf16_tflop_s)} TFLOP/s in bf16"
    more = f"; and {len(spots) - MOST_SPOKEN} more, all in the table" if len(spots) > MOST_SPOKEN else ""
    return f"Roofline of the kernels. {roofs}. " + "; ".join(spot.tip for spot in spots[:MOST_SPOKEN]) + f"{more}."
