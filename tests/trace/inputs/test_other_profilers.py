"""Files of other profilers give the same tables: each kernel with its time, launch, op and scope."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness.values.profile import Profile

RULES = load_rules()
KERNELS = [("void flash_fwd_kernel<64>(Params)", 1_000_000_100, 1_000_005_323, 7, 0),
           ("ampere_sgemm_128x64_tn", 1_000_010_000, 1_000_012_001, 8, 0),
           ("ampere_sgemm_128x64_tn", 1_000_011_000, 1_000_013_001, 9, 1)]  # fmt: skip
"""Name, start, end, correlation, stream."""


def totals(found: Profile) -> dict[str, int]:
    sums = Counter[str]()
    for row in found.kernels:
        sums[row.name] += row.total_ns
    return sums


def ops(found: Profile) -> dict[str, int]:
    return {row.name: row.total_ns for row in found.ops if row.name}


def nsight_file(path: Path, *, without: Sequence[str] = ()) -> Path:
    """The tables and columns that are read, as `nsys export --type sqlite` names them."""
    thread = (100 << 24) | 101
    process = 100 << 24
    names = ["", *dict.fromkeys(row[0] for row in KERNELS), "cudaLaunchKernel_v7000", "layer 3"]
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT)")
    connection.executemany("INSERT INTO StringIds VALUES (?, ?)", enumerate(names))
    tables: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "CUPTI_ACTIVITY_KIND_KERNEL": (
            "start INT, end INT, deviceId INT, streamId INT, correlationId INT, globalPid INT, demangledName INT",
            [(s, e, 0, stream, corr, process, names.index(name)) for name, s, e, corr, stream in KERNELS],
        ),
        "CUPTI_ACTIVITY_KIND_MEMCPY": (
            "start INT, end INT, deviceId INT, streamId INT, correlationId INT, globalPid INT, copyKind INT",
            [(1_000_020_000, 1_000_021_500, 0, 7, 10, process, 1)],
        ),
        "CUPTI_ACTIVITY_KIND_MEMSET": (
            "start INT, end INT, deviceId INT, streamId INT, correlationId INT",
            [(1_000_030_000, 1_000_030_250, 0, 7, 11)],
        ),
        "CUPTI_ACTIVITY_KIND_RUNTIME": (
            "start INT, end INT, globalTid INT, correlationId INT, nameId INT",
            [(1_000_000_000 + 10 * n, 1_000_000_005 + 10 * n, thread, 7 + n, 3) for n in range(5)],
        ),
        "NVTX_EVENTS": (
            "start INT, end INT, eventType INT, text TEXT, textId INT, globalTid INT",
            [
                (999_999_000, 1_000_000_100, 59, None, 4, thread),
                (999_999_500, 1_000_000_008, 59, "aten::mm, op_id = 7, seq = 3", None, thread),
                (999_999_500, None, 34, "a mark", None, thread),
            ],
        ),
    }
    for name, (columns, rows) in tables.items():
        if name not in without:
            connection.execute(f"CREATE TABLE {name} ({columns})")
            connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.commit()
    connection.close()
    return path


def test_nsight_systems_is_read(tmp_path: Path) -> None:
    """Kernels, copies, calls and NVTX ranges; ranges of emit_nvtx are ops."""
    found = breakdown(nsight_file(tmp_path / "report.sqlite"), RULES)
    assert totals(found) == {
        KERNELS[0][0]: 5223, KERNELS[1][0]: 4002, "Memcpy HtoD": 1500, "Memset (Device)": 250,
    }  # fmt: skip
    assert ops(found) == {"aten::mm": 5223} and found.launched_ns == found.kernel_sum_ns
    assert {row.name for row in found.scopes} == {"layer 3"} and {row.name for row in found.launches} == {
        "cudaLaunchKernel"
    }
    assert found.span_ns == 30_150 and found.gpu_busy_ns == 5223 + 3001 + 1500 + 250
    assert {row.name for row in found.categories} == {"SDPA", "Dense matmul", "Memory copies and sets"} or len(
        found.categories
    ) == 3


def test_nsight_of_two_processes_gives_each_op_its_own(tmp_path: Path) -> None:
    """Both count their correlations from one: each op has the time that it has alone."""
    path = nsight_file(tmp_path / "report.sqlite")
    connection = sqlite3.connect(path)
    other = 200 << 24
    connection.execute("INSERT INTO StringIds VALUES (90, 'aten::other')")
    connection.execute(
        f"INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL SELECT start, end + 1000, 1, streamId, correlationId, {other},"
        " demangledName FROM CUPTI_ACTIVITY_KIND_KERNEL WHERE correlationId = 7"
    )
    connection.execute(
        f"INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME SELECT start, end, {other + 5}, correlationId, nameId FROM"
        " CUPTI_ACTIVITY_KIND_RUNTIME WHERE correlationId = 7"
    )
    connection.execute(f"INSERT INTO NVTX_EVENTS VALUES (999999500, 1000000008, 59, 'aten::other', NULL, {other + 5})")
    connection.commit()
    connection.close()
    found = breakdown(path, RULES)
    assert ops(found) == {"aten::mm": 5223, "aten::other": 6223}
    assert {row.process: row.total_ns for row in found.processes}["[200] 200"] == 6223


def test_pages_that_move_and_exports_without_processes_are_read(tmp_path: Path) -> None:
    """What a real export of 2023 has (copies of unified memory, without a correlation) and older ones lack."""
    path = nsight_file(tmp_path / "report.sqlite")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE CUPTI_ACTIVITY_KIND_MEMCPY SET copyKind = 11, correlationId = NULL")
    for table in ("KERNEL", "MEMCPY"):
        connection.execute(f"ALTER TABLE CUPTI_ACTIVITY_KIND_{table} DROP COLUMN globalPid")
    connection.commit()
    connection.close()
    found = breakdown(path, RULES)
    assert totals(found)["Memcpy Unified HtoD"] == 1500 and ops(found) == {"aten::mm": 5223}


def test_nsight_without_some_tables_is_read(tmp_path: Path) -> None:
    """What was not traced is not there."""
    without = ("CUPTI_ACTIVITY_KIND_MEMCPY", "CUPTI_ACTIVITY_KIND_MEMSET", "NVTX_EVENTS", "CUPTI_ACTIVITY_KIND_RUNTIME")
    found = breakdown(nsight_file(tmp_path / "report.sqlite", without=without), RULES)
    assert found.gpu_sum_ns == 9225 and found.launched_ns == 0


def test_another_sqlite_file_is_one_line(tmp_path: Path) -> None:
    """A store of runs is no trace; nor is a damaged file a traceback."""
    connection = sqlite3.connect(tmp_path / "x.sqlite")
    connection.execute("CREATE TABLE runs (id INT)")
    connection.commit()
    connection.close()
    with pytest.raises(HarnessError, match="without CUDA activity; wanted the output of `nsys export"):
        breakdown(tmp_path / "x.sqlite", RULES)
    connection = sqlite3.connect(tmp_path / "z.sqlite")
    connection.execute("CREATE TABLE rocpd_kernel_dispatch_1 (id INT)")
    connection.commit()
    connection.close()
    with pytest.raises(
        HarnessError, match=r"a database of rocprofv3 \(rocpd\); wanted the output of `--output-format json`"
    ):
        breakdown(tmp_path / "z.sqlite", RULES)
    (tmp_path / "y.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 500)
    with pytest.raises(HarnessError, match="not readable as SQLite"):
        breakdown(tmp_path / "y.sqlite", RULES)


def rocprof_document() -> dict[str, Any]:
    """As `rocprofv3 --output-format json` writes it."""
    symbols = [{"kernel_id": 2 + n, "formatted_kernel_name": name, "kernel_name": name + ".kd"}
               for n, name in enumerate(dict.fromkeys(row[0] for row in KERNELS))]  # fmt: skip
    by_name = {symbol["formatted_kernel_name"]: symbol["kernel_id"] for symbol in symbols}

    def record(start: int, end: int, correlation: int, **more: Any) -> dict[str, Any]:
        base: dict[str, Any] = {
            "size": 1,
            "kind": 0,
            "operation": 1,
            "thread_id": 5,
            "correlation_id": {"internal": correlation, "external": 0},
        }
        return base | {"start_timestamp": start, "end_timestamp": end} | more

    kernels = [
        record(s, e, corr, kind=1, stream_id={"handle": stream}, dispatch_info={
            "kernel_id": by_name[name], "agent_id": {"handle": 77}, "queue_id": {"handle": 3}, "dispatch_id": corr})
        for name, s, e, corr, stream in KERNELS
    ]  # fmt: skip
    ends = {"dst_agent_id": {"handle": 77}, "src_agent_id": {"handle": 76}}
    tool: dict[str, Any] = {
        "metadata": {"pid": 100, "command": ["x"]},
        "agents": [{"id": {"handle": 76}, "node_id": 0, "type": 1}, {"id": {"handle": 77}, "node_id": 1, "type": 2}],
        "kernel_symbols": symbols,
        "strings": {
            "buffer_records": [{"kind": "HIP_RUNTIME_API", "operations": ["hipInit", "hipLaunchKernel"]},
                               {"kind": "KERNEL_DISPATCH", "operations": ["", ""]},
                               {"kind": "MEMORY_COPY", "operations": ["NONE", "MEMORY_COPY_HOST_TO_DEVICE"]},
                               {"kind": "MARKER_CORE_API", "operations": ["", "roctxRangePushA"]}],
            "marker_api": [{"key": 40, "value": "layer 3"}],
        },
        "buffer_records": {
            "kernel_dispatch": kernels,
            "hip_api": [record(1_000_000_000 + 10 * n, 1_000_000_005 + 10 * n, 7 + n) for n in range(4)],
            "memory_copy": [record(1_000_020_000, 1_000_021_500, 10, kind=2, **ends)],
            "marker_api": [record(999_999_000, 1_000_000_008, 40, kind=3)],
        },
    }  # fmt: skip
    return {"rocprofiler-sdk-tool": [tool]}


@pytest.mark.parametrize("form", ["list", "one", "symbols by id"])
def test_rocprofv3_is_read(tmp_path: Path, form: str) -> None:
    """Kernels by their symbols, HIP calls by the strings, roctx ranges as scopes; the device by its node."""
    document = rocprof_document()
    tool = document["rocprofiler-sdk-tool"][0]
    if form == "symbols by id":
        tool["kernel_symbols"] = {str(symbol["kernel_id"]): symbol for symbol in tool["kernel_symbols"]}
    if form == "one":
        document["rocprofiler-sdk-tool"] = tool
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document))
    found = breakdown(path, RULES)
    assert totals(found) == {KERNELS[0][0]: 5223, KERNELS[1][0]: 4002, "MEMORY_COPY_HOST_TO_DEVICE": 1500}
    assert {row.name for row in found.launches} == {"hipLaunchKernel"} and found.launched_ns == 9225
    assert [(row.name, row.total_ns) for row in found.scopes if row.name] == [("layer 3", 5223)]
    assert {row.device for row in found.devices} == {"1"}


def test_a_damaged_rocprof_file_is_one_line(tmp_path: Path) -> None:
    """Cut off, or of another shape."""
    text = json.dumps(rocprof_document())
    for content in (text[: len(text) // 2], '{"rocprofiler-sdk-tool": [{"buffer_records": 3}]}'):
        (tmp_path / "results.json").write_text(content)
        with pytest.raises(HarnessError, match="not JSON of rocprofv3"):
            breakdown(tmp_path / "results.json", RULES)


def test_events_of_an_op_and_its_kernel_are_joined(tmp_path: Path) -> None:
    """The form of torch 1.x: a flow from the op to the kernel."""
    rows: list[dict[str, Any]] = []
    for n, op in enumerate(("aten::mm", "aten::add")):
        at = 100.5 + 50 * n
        rows += [
            {"name": op, "ph": "X", "ts": at, "dur": 40.25, "tid": 1, "pid": "CPU functions", "args": {}},
            {
                "name": op,
                "ph": "s",
                "ts": at,
                "tid": 1,
                "pid": "CPU functions",
                "id": n,
                "cat": "cpu_to_cuda",
                "args": {},
            },
            {"name": "k", "ph": "f", "ts": at + 60, "tid": 0, "pid": "CUDA functions", "id": n, "cat": "cpu_to_cuda"},
            {"name": "k", "ph": "X", "ts": at + 60, "dur": 30 + n, "tid": 0, "pid": "CUDA functions", "args": {}},
        ]
    path = tmp_path / "events.json"
    path.write_text(json.dumps(rows))
    found = breakdown(path, RULES)
    assert totals(found) == {"k": 61_000} and ops(found) == {"aten::mm": 30_000, "aten::add": 31_000}


def test_what_this_torch_exports_of_its_events_is_read(tmp_path: Path) -> None:
    """`prof.events().export_chrome_trace()`: the same ops and times as `prof.export_chrome_trace()`."""
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(3):
            torch.mm(torch.ones(32, 32), torch.ones(32, 32)).relu_()
    recorded.export_chrome_trace(str(tmp_path / "trace.json"))
    recorded.events().export_chrome_trace(str(tmp_path / "events.json"))
    one, other = (breakdown(tmp_path / f"{name}.json", RULES) for name in ("trace", "events"))
    assert other.device == "cpu"
    calls = [Counter({row.name: row.calls for row in found.kernels}) for found in (one, other)]
    assert calls[0] == calls[1] and calls[0]["aten::mm"] == 3
    assert abs(one.gpu_sum_ns - other.gpu_sum_ns) <= 2 * sum(calls[0].values())
