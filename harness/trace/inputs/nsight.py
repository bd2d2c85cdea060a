"""Nsight Systems: the output of `nsys export --type sqlite`.

Tables and columns as NVIDIA documents them (Nsight Systems user guide, "SQLite Schema Reference"). A file has the ones
for the activities that were traced.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from urllib.parse import quote

from harness.errors import HarnessError
from harness.trace.event import Event
from harness.trace.inputs.rows_as_events import gpu_row, host_row

BLOCK = 4096
PROCESS_BITS = 24
"""Bits of a globalTid below those of its process."""
KERNELS, COPIES, SETS = (f"CUPTI_ACTIVITY_KIND_{kind}" for kind in ("KERNEL", "MEMCPY", "MEMSET"))
CALLS, WHOLE_GRAPHS = "CUPTI_ACTIVITY_KIND_RUNTIME", "CUPTI_ACTIVITY_KIND_GRAPH_TRACE"
RANGES = (59, 60)
"""NVTX push-pop and start-end ranges, of ENUM_NSYS_EVENT_TYPE."""
COPY_KINDS = {
    1: "HtoD", 2: "DtoH", 3: "HtoA", 4: "AtoH", 5: "AtoA", 6: "AtoD", 7: "DtoA", 8: "DtoD", 9: "HtoH",
    10: "Peer to Peer", 11: "Unified HtoD", 12: "Unified DtoH", 13: "Unified DtoD",
}  # fmt: skip
"""Values of CUPTI's CUpti_ActivityMemcpyKind, then Nsight's own for pages that move (ENUM_CUDA_MEMCPY_OPER)."""
OP = re.compile(r"(?:aten|c10d|autograd|prims|torch\w*|vllm|fbgemm)::[\w:.]+")
"""`torch.autograd.profiler.emit_nvtx` names a range `aten::mm, op_id = 7, seq = 3`."""


def read_events(path: Path, quality: Counter[str]) -> Iterator[list[Event]]:
    """The events of an export. Raises HarnessError where the file is no export of Nsight Systems, or is damaged."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        try:
            yield from _blocks(connection, path, quality)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise HarnessError(f"{path}: not readable as SQLite: {error}") from error


def _blocks(connection: sqlite3.Connection, path: Path, quality: Counter[str]) -> Iterator[list[Event]]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    if any(table.startswith("rocpd_") for table in tables):
        raise HarnessError(f"{path}: a database of rocprofv3 (rocpd); wanted the output of `--output-format json`")
    if "StringIds" not in tables or not tables & {KERNELS, CALLS, "NVTX_EVENTS"}:
        raise HarnessError(
            f"{path}: an SQLite file without CUDA activity; wanted the output of `nsys export --type sqlite`"
        )
    if WHOLE_GRAPHS in tables:
        (count,) = connection.execute(f"SELECT count(*) FROM {WHOLE_GRAPHS}").fetchone()
        quality["graphs_recorded_without_their_kernels"] += count
    several = _processes(connection, tables) > 1
    readers = ((KERNELS, _kernels), (COPIES, _copies), (SETS, _sets), (CALLS, _calls), ("NVTX_EVENTS", _ranges))
    for table, read in readers:
        if table in tables:
            block: list[Event] = []
            for process, event in read(connection):
                if several:  # each counts its correlations for itself: marked as in merged traces of torch
                    event.pid = f"[{process}] {event.pid}"
                block.append(event)
                if len(block) == BLOCK:
                    yield block
                    block = []
            yield block


def _processes(connection: sqlite3.Connection, tables: Set[str]) -> int:
    """The number of processes that launch."""
    if CALLS not in tables:
        return 1
    shift = f"globalTid >> {PROCESS_BITS}"
    (count,) = connection.execute(f"SELECT count(DISTINCT {shift}) FROM {CALLS} WHERE correlationId > 0").fetchone()
    return int(count)


def _process(connection: sqlite3.Connection, table: str) -> str:
    """The column of the process; NULL in older exports, which have none."""
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    return "globalPid" if "globalPid" in columns else "NULL"


Found = Iterator[tuple[int, Event]]
"""Process and event."""


def _kernels(connection: sqlite3.Connection) -> Found:
    found = connection.execute(
        f"SELECT {_process(connection, KERNELS)}, n.value, k.start, k.end, k.correlationId, k.deviceId, k.streamId"
        f" FROM {KERNELS} k LEFT JOIN StringIds n ON n.id = k.demangledName"
    )
    for process, name, *row in found:
        yield _place(process)[0], gpu_row("kernel", name or "", *row)


def _copies(connection: sqlite3.Connection) -> Found:
    found = connection.execute(
        f"SELECT {_process(connection, COPIES)}, copyKind, start, end, correlationId, deviceId, streamId FROM {COPIES}"
    )
    for process, kind, *row in found:
        yield _place(process)[0], gpu_row("gpu_memcpy", f"Memcpy {COPY_KINDS.get(kind, f'kind {kind}')}", *row)


def _sets(connection: sqlite3.Connection) -> Found:
    for process, *row in connection.execute(
        f"SELECT {_process(connection, SETS)}, start, end, correlationId, deviceId, streamId FROM {SETS}"
    ):
        yield _place(process)[0], gpu_row("gpu_memset", "Memset (Device)", *row)


def _calls(connection: sqlite3.Connection) -> Found:
    found = connection.execute(
        f"SELECT n.value, c.start, c.end, c.globalTid, c.correlationId FROM {CALLS} c"
        " LEFT JOIN StringIds n ON n.id = c.nameId"
    )
    for name, start_ns, end_ns, thread, correlation in found:
        bare = re.sub(r"_v\d+$", "", name or "")
        place = _place(thread)
        yield place[0], host_row("cuda_runtime", bare, start_ns, end_ns, *place, correlation)


def _ranges(connection: sqlite3.Connection) -> Found:
    found = connection.execute(
        "SELECT coalesce(e.text, n.value), e.start, e.end, e.globalTid FROM NVTX_EVENTS e LEFT JOIN StringIds n"
        f" ON n.id = e.textId WHERE e.end IS NOT NULL AND e.eventType IN {RANGES}"
    )
    for text, start_ns, end_ns, thread in found:
        op = OP.match(text or "")
        cat, name = ("cpu_op", op[0]) if op else ("user_annotation", text or "")
        place = _place(thread)
        yield place[0], host_row(cat, name, start_ns, end_ns, *place)


def _place(global_thread: int | None) -> tuple[int, int]:
    """Process and thread, 24 bits each, from a globalTid of Nsight."""
    value = global_thread or 0
    return value >> PROCESS_BITS & 0xFFFFFF, value & 0xFFFFFF
