"""Each op of a profiled decode against the machine's limits: bytes, FLOP, and the share of bandwidth or peak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.values.environment import Environment
from harness.values.profile import Profile

from ..figures import UNKNOWN, clean, grouped, number, percent
from ..table import Cell, Column, Mark, Name, Number, Row, Table, maybe
from ..views.device_peaks import Peak, peak_of


@dataclass(frozen=True)
class SiteRow:
    """One place of an op in one decode step."""

    name: str
    step_us: float
    calls: int
    least_bytes: int
    """Bytes that its definition cannot do without; `gb_s` is these over the time."""
    flop: int
    """FLOP that its definition cannot do without; `gflop_s` is these over the time."""
    read_share: float | None
    """Share of the measured read bandwidth."""
    peak_share: float | None
    """Share of the stated bf16 peak."""

    @property
    def gb_s(self) -> float:
        return self.least_bytes / self.step_us / 1e3

    @property
    def gflop_s(self) -> float:
        return self.flop / self.step_us / 1e3

    @property
    def held_by(self) -> str:
        """The nearer roof."""
        if self.read_share is None or self.peak_share is None:
            return UNKNOWN
        return "memory" if self.read_share >= self.peak_share else "arithmetic"


def rows(profile: Profile, read_gb_s: float | None, peak: Peak | None) -> Iterator[SiteRow]:
    """Sites in descending order of time. A site without time or steps has no row."""
    times = {row.name: row.total_ns for row in profile.scopes}
    for site in sorted(profile.work, key=lambda site: -times.get(site.name, 0)):
        if not (times.get(site.name) and profile.steps):
            continue
        step_us = times[site.name] / 1e3 / profile.steps
        read = site.bytes / step_us / 1e3 / read_gb_s if read_gb_s else None
        share = site.flop / step_us / 1e6 / peak.bf16_tflop_s if peak else None
        yield SiteRow(site.name, step_us, site.calls, site.bytes, site.flop, read, share)


def op_work(profile: Profile, environment: Environment) -> Table:
    """Each op against the machine's limits, with a note on the base of its shares."""
    peak = peak_of(environment.device_name) if environment.device_kind == "cuda" else None
    columns = [
        Column("op_site", "op@site"), Column("step_us", "us per step", right=True),
        Column("calls", "Calls", right=True),
        Column("mb", "MB", right=True, extra=True), Column("gb_s", "GB/s", right=True),
        Column("read_share", "% of read", right=True), Column("mflop", "MFLOP", right=True, extra=True),
        Column("gflop_s", "GFLOP/s", right=True, extra=True),
    ]  # fmt: skip
    if peak:
        columns += [Column("peak_share", "% of peak", right=True), Column("roof", "Nearer roof", extra=True)]
    found = []
    for row in rows(profile, environment.read_gb_s, peak):
        cells: list[Cell] = [
            Name(clean(row.name)), Number(row.step_us, grouped(row.step_us, 1)), Number(row.calls, f"{row.calls:,}"),
            Number(row.least_bytes, number(row.least_bytes / 1e6)), Number(row.gb_s, number(row.gb_s)),
            maybe(row.read_share, percent), Number(row.flop, number(row.flop / 1e6)),
            Number(row.gflop_s, number(row.gflop_s)),
        ]  # fmt: skip
        cells += [maybe(row.peak_share, percent), Mark(row.held_by)] if peak else []
        found.append(Row(tuple(cells)))
    shape = ", ".join(f"{name} {value}" for name, value in profile.axes.items())
    title = f"least work per step of {clean(profile.arm)}, {profile.engine}, {shape}"
    return Table("op_work", title, tuple(columns), tuple(found), notes=(_of_what(environment, peak),))


def _of_what(environment: Environment, peak: Peak | None) -> str:
    read = environment.read_gb_s
    measured = f"read: {grouped(read)} GB/s, measured here" if read else "read: not measured"
    if peak is None:
        return f"{measured}; peak: none is stated for {clean(environment.device_name)}"
    return f"{measured}; peak: {peak.bf16_tflop_s:g} TFLOP/s in bf16, {peak.source}"
