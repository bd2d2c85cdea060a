"""The figures of real traces, to the nanosecond."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from harness.trace import breakdown, load_rules

FOLDER = os.environ.get("HARNESS_SHARED_TRACES", "")
REQUIRED = os.environ.get("HARNESS_REQUIRE_TRACES") == "1"


def expected() -> dict[str, dict[str, object]]:
    path = Path(FOLDER) / "expected.json"
    return json.loads(path.read_text()) if FOLDER and path.is_file() else {}


def ns(text: object) -> int:
    return int(Decimal(str(text)) * 1000)


def test_the_real_traces_are_there() -> None:
    if not expected():
        (pytest.fail if REQUIRED else pytest.skip)("HARNESS_SHARED_TRACES names no folder with real traces")


@pytest.mark.parametrize("name", sorted(expected()))
def test_a_real_trace_has_exactly_its_figures(name: str) -> None:
    wanted = expected()[name]
    found = breakdown(Path(FOLDER) / name, load_rules())
    sums, counts = wanted["gpu_event_sums_us"], wanted["gpu_event_counts"]
    assert isinstance(sums, dict) and isinstance(counts, dict)
    assert found.kernel_count == wanted["kernel_events"]
    assert found.kernel_sum_ns == ns(wanted["kernel_sum_us"])
    assert found.kernel_busy_ns == ns(wanted["kernel_busy_union_us"])
    if not counts:
        assert found.device == "cpu" and found.gpu_sum_ns > 0
        return
    assert found.gpu_sum_ns == sum(ns(value) for value in sums.values())
    assert found.gpu_busy_ns == ns(wanted["gpu_busy_union_us"]) and found.span_ns == ns(wanted["gpu_span_us"])
    assert (
        sum(row.total_ns for row in found.categories) == found.gpu_sum_ns == sum(row.total_ns for row in found.kernels)
    )
    assert sum(row.calls for row in found.categories) == sum(counts.values())
    assert found.uncategorised_ns <= 0.005 * found.gpu_sum_ns
