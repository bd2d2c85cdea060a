"""Proton's files give each kernel its time, and its scopes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from tests.trace.inputs.test_other_profilers import totals

RULES = load_rules()
HATCHET = [
    {"frame": {"name": "ROOT", "type": "function"}, "metrics": {"count": 0, "time (ns)": 0}, "children": [
        {"frame": {"name": "layer 3", "type": "function"}, "metrics": {}, "children": [
            {"frame": {"name": "ampere_sgemm_128x64_tn", "type": "function"}, "children": [],
             "metrics": {"count": 3, "time (ns)": 4003, "device_id": "0", "device_type": "CUDA"}}]},
        {"frame": {"name": "void flash_fwd_kernel<64>(Params)", "type": "function"}, "children": [],
         "metrics": {"count": 1, "time (ns)": 5223, "device_id": "1", "device_type": "CUDA"}}]},
    {"CUDA": {"0": {"arch": "90", "num_sms": 132}}},
]  # fmt: skip


def test_proton_sums_are_read(tmp_path: Path) -> None:
    """Times and calls are exact, the path is the scope; that moments are unknown is counted."""
    path = tmp_path / "proton.hatchet"
    path.write_text(json.dumps(HATCHET))
    found = breakdown(path, RULES)
    assert totals(found) == {"ampere_sgemm_128x64_tn": 4003, "void flash_fwd_kernel<64>(Params)": 5223}
    assert {row.name: row.calls for row in found.kernels}["ampere_sgemm_128x64_tn"] == 3
    assert {row.name: row.total_ns for row in found.scopes}["layer 3"] == 4003
    assert found.data_quality["rows_without_a_moment"] == 4 and found.idle_ns == 0


def test_proton_sums_of_an_inner_node_and_of_older_files_are_read(tmp_path: Path) -> None:
    """A node's time is its own: a kernel may have ranges inside. As MessagePack it is the same; Triton to 3.2 wrote
    its metrics with capitals."""
    tree: Any = json.loads(json.dumps(HATCHET))
    kernel = tree[0]["children"][1]
    kernel["children"] = [{"frame": {"name": "k2", "type": "function"}, "metrics": {"Time (ns)": 7.0, "Count": 1},
                           "children": []}]  # fmt: skip
    (tmp_path / "a.hatchet").write_text(json.dumps(tree))
    (tmp_path / "a.hatchet_msgpack").write_bytes(msgspec.msgpack.encode(tree))
    one, other = (breakdown(tmp_path / f"a.{ending}", RULES) for ending in ("hatchet", "hatchet_msgpack"))
    assert totals(one) == {"ampere_sgemm_128x64_tn": 4003, "void flash_fwd_kernel<64>(Params)": 5223, "k2": 7}
    assert one == other and {row.name: row.total_ns for row in one.scopes}["void flash_fwd_kernel<64>(Params)"] == 7


def proton_row(name: str, start_us: float, length_us: float, stream: int, *path: str) -> dict[str, Any]:
    return {"name": name, "cat": "kernel", "ph": "X", "ts": start_us, "dur": length_us, "tid": stream,
            "args": {"call_stack": ["ROOT", *path, name]}}  # fmt: skip


def test_a_proton_trace_is_read(tmp_path: Path) -> None:
    """A document a line, one for each stream, whose kernels overlap; the path is the scope."""
    streams = [
        [proton_row("matmul_kernel", 12.5, 20.125, 7, "layer 3", "mlp"), proton_row("add_kernel", 40, 1.5, 7)],
        [proton_row("matmul_kernel", 12.5, 10, 8, "layer 3"), proton_row("matmul_kernel", 22.5, 1, 8, "layer 4")],
    ]
    path = tmp_path / "proton.chrome_trace"
    path.write_text("".join(json.dumps({"displayTimeUnit": "us", "traceEvents": rows}) + "\n" for rows in streams))
    found = breakdown(path, RULES)
    assert totals(found) == {"matmul_kernel": 31_125, "add_kernel": 1_500} and found.gpu_busy_ns == 21_625
    scopes = {row.name: row.total_ns for row in found.scopes if row.name}
    assert scopes == {"mlp": 20_125, "layer 3": 10_000, "layer 4": 1_000} and len(found.streams) == 2
    assert {row.device for row in found.devices} == {"0"} and not found.doubts


def test_proton_inside_of_kernels_is_named(tmp_path: Path) -> None:
    """Cycles of warps are no time of the GPU."""
    path = tmp_path / "proton.chrome_trace"
    row = {"name": "loop", "ph": "X", "ts": 0, "dur": 5, "pid": "k Core0 CTA0", "tid": "warp 0",
           "args": {"Init Time (ns)": 1, "Finalization Time (ns)": 2}}  # fmt: skip
    path.write_text(json.dumps({"displayTimeUnit": "ns", "traceEvents": [row]}))
    with pytest.raises(HarnessError, match="Proton's instrumentation"):
        breakdown(path, RULES)
    path = tmp_path / "proton.hatchet"
    tree: Any = json.loads(json.dumps(HATCHET[:1]))
    tree[0]["children"] = [{"frame": {"name": "k"}, "metrics": {"cycles": 5, "normalized_cycles": 0.5}, "children": []}]
    path.write_text(json.dumps(tree))
    with pytest.raises(HarnessError, match="no time in it, cycles of Proton's instrumentation alone"):
        breakdown(path, RULES)
