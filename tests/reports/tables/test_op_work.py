"""Shares of bandwidth and peak are those of the least work over the profiled time, and say what they are of."""

from __future__ import annotations

import msgspec
import pytest

from harness.values.environment import Environment
from harness.values.profile import Profile, SiteWork, SumRow
from harness_reports.formats.console import plain
from harness_reports.formats.terminal_table import Titled
from harness_reports.tables.op_work import op_work, rows
from harness_reports.views.device_peaks import Peak

ENVIRONMENT = Environment(
    device_kind="cuda", device_name="NVIDIA H100 80GB HBM3", python="3.12", torch="2.11", cpu="x", cpu_cores=16,
    platform="linux", read_gb_s=3000.0,
)  # fmt: skip
PEAK = Peak(3350, 989, "data sheet")
EMPTY = Profile("cuda", 0, 0, 0, 0, 0, 0, 0, 0, (), ())


def profile(*sites: tuple[SiteWork, int], steps: int = 4) -> Profile:
    """Each site with its nanoseconds in all steps."""
    scopes = tuple(SumRow(site.name, site.calls * steps, ns) for site, ns in sites)
    return msgspec.structs.replace(EMPTY, scopes=scopes, work=tuple(site for site, _ in sites), steps=steps, arm="a")


def test_a_site_at_the_roofs_is_at_100_percent() -> None:
    """1.5 GB in 500 us are the 3,000 GB/s that were measured; 989 GFLOP in 1 ms are the peak."""
    full = SiteWork("int4_mm@lm_head", 1, 1_400_000_000, 100_000_000, 1)
    dense = SiteWork("linear@router", 1, 1000, 0, 989_000_000_000)
    found = list(rows(profile((full, 4 * 500_000), (dense, 4 * 1_000_000)), 3000, PEAK))
    assert [row.name for row in found] == ["linear@router", "int4_mm@lm_head"]
    assert found[1].read_share == pytest.approx(1) and found[1].gb_s == pytest.approx(3000)
    assert found[0].peak_share == pytest.approx(1) and found[0].gflop_s == pytest.approx(989_000)
    assert [row.held_by for row in found] == ["arithmetic", "memory"]


def test_what_cannot_be_told_has_no_number() -> None:
    """No time, no steps, no bandwidth, no peak."""
    site = SiteWork("sdpa@main", 2, 100, 100, 10)
    assert list(rows(profile((site, 0)), 3000, PEAK)) == [] == list(rows(profile((site, 5), steps=0), 3000, PEAK))
    (row,) = rows(profile((site, 4000)), None, None)
    assert (row.read_share, row.peak_share, row.held_by) == (None, None, "-") and row.gb_s == pytest.approx(0.2)


@pytest.mark.parametrize("columns", [80, 100, 120, 160])
@pytest.mark.parametrize("device", ["NVIDIA H100 80GB HBM3", "unheard of"])
def test_no_number_is_cut(columns: int, device: str) -> None:
    """Fewer columns of a terminal are fewer columns of the table."""
    site = SiteWork("int4_mm@shared_gate_up", 40, 256, 0, 2_560)
    environment = msgspec.structs.replace(ENVIRONMENT, device_name=device)
    shown = plain(Titled(op_work(profile((site, 8_543_216)), environment)), columns=columns)
    assert "\u2026" not in shown and "int4_mm@shared_gate_up" in shown and "2,135.8" in shown
    assert ("% of peak" in shown) == device.startswith("NVIDIA")


def test_the_table_says_what_its_shares_are_of() -> None:
    """The bandwidth that was measured, and the peak with its source."""
    work = profile((SiteWork("sdpa@main", 2, 150_000_000, 0, 10), 400_000))
    shown = plain(Titled(op_work(work, ENVIRONMENT)), columns=140)
    assert "50 %" in shown and "3,000 GB/s, measured here" in shown and "989 TFLOP/s in bf16, NVIDIA H100" in shown
