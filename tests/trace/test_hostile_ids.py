"""Odd values in any field cost at most the event that they are in: no traceback, and every table still adds up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.trace import breakdown, load_rules
from harness.trace.collect import LONGEST_ID
from harness_reports.documents.breakdowns import breakdown_text
from tests.trace.made import gpu, host

RULES = load_rules()
ODD = [
    '"\\ud800"', "1" * 5000, '"' + "1" * 5000 + '"', "1e999000", "null", "[]", "{}", "true", "NaN", "-Infinity", '""',
    "18446744073709551615", '"\\u00b2"',
]  # fmt: skip
FIELDS = ("pid", "tid", "device", "stream", "correlation", "call_stack", "Src Rank", "Seq", "Group size")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("place", [1, 2])
def test_an_odd_id_is_no_fault(tmp_path: Path, field: str, place: int) -> None:
    """On a launch and on a kernel; what is shown of it can be written out."""
    for odd in ODD:
        rows: list[dict[str, Any]] = [
            host("cpu_op", "aten::mm", 100, 50),
            host("cuda_runtime", "cudaLaunchKernel", 110, 5, correlation=1),
            gpu(160, 10, "ampere_sgemm_128x64_tn", 1),
            gpu(180, 10, "ampere_sgemm_128x64_tn", 2),
        ]
        (rows[place] if field in ("pid", "tid") else rows[place]["args"])[field] = "@@"
        path = tmp_path / "trace.json"
        path.write_text(json.dumps({"traceEvents": rows}).replace('"@@"', odd))
        found = breakdown(path, RULES)
        assert found.gpu_sum_ns == 20_000
        for table in filter(None, (found.categories, found.ops, found.streams, found.devices, found.processes)):
            assert sum(row.total_ns for row in table) == 20_000, (odd, table)
        assert all(len(row.stream) <= LONGEST_ID for row in found.streams)
        json.loads(breakdown_text(["trace"], [found]))
