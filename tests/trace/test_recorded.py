"""What torch.profiler records here is read back as the profiler itself sums it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.trace import breakdown, load_rules


def test_self_times_are_the_profilers_own(tmp_path: Path) -> None:
    """Each op's as `key_averages` gives it, to the rounding of its microseconds; layers and sites as recorded."""
    torch = pytest.importorskip("torch")
    from torch.profiler import ProfilerActivity, profile, record_function

    x, weight = torch.randn(64, 64), torch.randn(64, 64)
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for layer in range(3):
            with record_function(f"harness:linear@router#{layer}"):
                torch.nn.functional.linear(x, weight).softmax(-1)
            torch.topk(x, 8)
    path = tmp_path / "t.json"
    recorded.export_chrome_trace(str(path))
    found = breakdown(path, load_rules(), steps=1)
    own = {
        row.key: (row.count, row.self_cpu_time_total)
        for row in recorded.key_averages()
        if not row.key.startswith("harness:") and row.key.startswith("aten::")
    }
    ops = {row.name: (row.calls, row.total_ns / 1e3) for row in found.ops if row.name.startswith("aten::")}
    assert ops.keys() == own.keys()
    for name, (calls, total_us) in ops.items():
        assert calls == own[name][0] and total_us == pytest.approx(own[name][1], abs=0.002 * calls + 0.01)
    assert [row.name for row in found.layers] == ["0", "1", "2"]
    assert {row.scope for row in found.kernels if row.category == "Router"} == {"linear@router"}
    assert {row.name for row in found.categories} == {"Router", "Sorting, scans"} and not found.data_quality
