"""Each op of a profiled decode against what the machine can do: bytes, FLOP, and the share of bandwidth or peak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.values.environment import Environment
from harness.values.profile import Profile

from .device_peaks import Peak, peak_of
from .figures import UNKNOWN, clean, grouped, number, percent

WIDE = 120
"""Columns that the whole table takes."""


@dataclass(frozen=True)
class SiteRow:
    """One place of an op in one decode step. least_bytes, flop: what its definition cannot do without. gb_s, gflop_s:
    those over the time. read_share, peak_share: of the measured read bandwidth and of the stated bf16 peak."""

    name: str
    step_us: float
    calls: int
    least_bytes: int
    flop: int
    read_share: float | None
    peak_share: float | None

    @property
    def gb_s(self) -> float:
        return self.least_bytes / self.step_us / 1e3

    @property
    def gflop_s(self) -> float:
        return self.flop / self.step_us / 1e3

    @property
    def held_by(self) -> str:
        """The roof that is nearer."""
        if self.read_share is None or self.peak_share is None:
            return UNKNOWN
        return "memory" if self.read_share >= self.peak_share else "arithmetic"


def rows(profile: Profile, read_gb_s: float | None, peak: Peak | None) -> Iterator[SiteRow]:
    """Longest first. A site without time or steps has no row."""
    times = {row.name: row.total_ns for row in profile.scopes}
    for site in sorted(profile.work, key=lambda site: -times.get(site.name, 0)):
        if not (times.get(site.name) and profile.steps):
            continue
        step_us = times[site.name] / 1e3 / profile.steps
        read = site.bytes / step_us / 1e3 / read_gb_s if read_gb_s else None
        share = site.flop / step_us / 1e6 / peak.bf16_tflop_s if peak else None
        yield SiteRow(site.name, step_us, site.calls, site.bytes, site.flop, read, share)


def render(profile: Profile, environment: Environment, columns: int = WIDE) -> RenderableType:
    """A table, and what its shares are of. Less than WIDE columns have no room for what follows from the others."""
    peak = peak_of(environment.device_name) if environment.device_kind == "cuda" else None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    shape = ", ".join(f"{name} {value}" for name, value in profile.axes.items())
    title = f"least work per step of {clean(profile.arm)}, {profile.engine}, {shape}"
    wide = columns >= WIDE
    shown = {"op@site", "us per step", "calls", "GB/s", "% of read"}
    shown |= {"MB", "MFLOP", "GFLOP/s"} if wide else set()
    shown |= {"% of peak"} if peak else set()
    shown |= {"nearer roof"} if peak and wide else set()
    for row in rows(profile, environment.read_gb_s, peak):
        cells = {
            "op@site": clean(row.name),
            "us per step": grouped(row.step_us, 1),
            "calls": f"{row.calls:,}",
            "MB": number(row.least_bytes / 1e6),
            "GB/s": number(row.gb_s),
            "% of read": percent(row.read_share),
            "MFLOP": number(row.flop / 1e6),
            "GFLOP/s": number(row.gflop_s),
            "% of peak": percent(row.peak_share),
            "nearer roof": row.held_by,
        }
        if not table.columns:
            for name in (name for name in cells if name in shown):
                table.add_column(name, justify="left" if name in ("op@site", "nearer roof") else "right", no_wrap=True)
        table.add_row(*(Text(cell) for name, cell in cells.items() if name in shown))
    return Group(Text(), Text(title), table, Text(_of_what(environment, peak)))


def _of_what(environment: Environment, peak: Peak | None) -> str:
    read = environment.read_gb_s
    measured = f"read: {grouped(read)} GB/s, measured here" if read else "read: not measured"
    if peak is None:
        return f"{measured}; peak: none is stated for {clean(environment.device_name)}"
    return f"{measured}; peak: {peak.bf16_tflop_s:g} TFLOP/s in bf16, {peak.source}"
