"""ROCprofiler: the output of `rocprofv3 --output-format json`, one document, in the form that its own tests read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.trace.event import Event
from harness.trace.inputs.rows_as_events import gpu_row, host_row

KEY = b'"rocprofiler-sdk-tool"'
GPU = 2


class _Handle(msgspec.Struct):
    handle: int = 0


class _Correlation(msgspec.Struct):
    internal: int = 0


class _Dispatch(msgspec.Struct):
    kernel_id: int
    agent_id: _Handle
    queue_id: _Handle


class _Record(msgspec.Struct):
    """kind, operation: places in `strings`."""

    start_timestamp: int
    end_timestamp: int
    kind: int = 0
    operation: int = 0
    thread_id: int = 0
    correlation_id: _Correlation = msgspec.field(default_factory=_Correlation)
    stream_id: _Handle | None = None
    dispatch_info: _Dispatch | None = None
    dst_agent_id: _Handle | None = None
    src_agent_id: _Handle | None = None


class _Symbol(msgspec.Struct):
    kernel_id: int
    formatted_kernel_name: str = ""
    kernel_name: str = ""


class _Kind(msgspec.Struct):
    kind: str = ""
    operations: list[str] = []


class _Marker(msgspec.Struct):
    key: int
    value: str


class _Strings(msgspec.Struct):
    buffer_records: list[_Kind] = []
    marker_api: list[_Marker] = []


class _Agent(msgspec.Struct):
    """type: 2 for a GPU (`rocprofiler_agent_type_t`). The number of a device is that among its kind."""

    id: _Handle
    type: int = GPU
    node_id: int = 0
    logical_node_type_id: int = -1


class _Metadata(msgspec.Struct):
    pid: int = 0


class _Records(msgspec.Struct):
    kernel_dispatch: list[_Record] = []
    memory_copy: list[_Record] = []
    hip_api: list[_Record] = []
    marker_api: list[_Record] = []


class _Tool(msgspec.Struct):
    buffer_records: _Records
    strings: _Strings = msgspec.field(default_factory=_Strings)
    kernel_symbols: list[_Symbol] | dict[str, _Symbol] = []
    agents: list[_Agent] = []
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Document(msgspec.Struct):
    tools: list[_Tool] | _Tool = msgspec.field(name="rocprofiler-sdk-tool")


def recognised(start: bytes) -> bool:
    return KEY in start[:4096]


def read_events(text: bytes, path: Path, quality: Counter[str]) -> Iterator[list[Event]]:
    """The events of a document. Raises HarnessError where the document has another form, or is damaged."""
    try:
        tools: Any = msgspec.json.decode(text, type=_Document).tools
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: not JSON of rocprofv3: {error}") from error
    for tool in tools if isinstance(tools, list) else [tools]:
        yield list(_events(tool))


def _events(tool: _Tool) -> Iterator[Event]:
    symbols = tool.kernel_symbols.values() if isinstance(tool.kernel_symbols, dict) else tool.kernel_symbols
    names = {symbol.kernel_id: symbol.formatted_kernel_name or symbol.kernel_name for symbol in symbols}
    devices = {
        agent.id.handle: agent.logical_node_type_id if agent.logical_node_type_id >= 0 else agent.node_id
        for agent in tool.agents
    }
    gpus = {agent.id.handle for agent in tool.agents if agent.type == GPU}
    messages = {marker.key: marker.value for marker in tool.strings.marker_api}
    records = tool.buffer_records
    for row in records.kernel_dispatch:
        if row.dispatch_info is not None:
            agent, queue = row.dispatch_info.agent_id.handle, row.dispatch_info.queue_id.handle
            stream = row.stream_id.handle if row.stream_id else queue
            yield _gpu("kernel", names.get(row.dispatch_info.kernel_id, ""), row, devices.get(agent, agent), stream)
    for row in records.memory_copy:
        agent = _gpu_of(row, gpus)
        stream = row.stream_id.handle if row.stream_id else 0
        yield _gpu("gpu_memcpy", _operation(tool, row), row, devices.get(agent, agent), stream)
    for row in records.hip_api:
        yield host_row("cuda_runtime", _operation(tool, row), *_span(row), tool.metadata.pid, row.thread_id,
                       row.correlation_id.internal)  # fmt: skip
    for row in records.marker_api:
        name = messages.get(row.correlation_id.internal) or _operation(tool, row)
        yield host_row("user_annotation", name, *_span(row), tool.metadata.pid, row.thread_id)


def _gpu(cat: str, name: str, row: _Record, device: int, stream: int) -> Event:
    return gpu_row(cat, name, *_span(row), row.correlation_id.internal, device, stream)


def _span(row: _Record) -> tuple[int, int]:
    return row.start_timestamp, row.end_timestamp


def _gpu_of(row: _Record, gpus: Set[int]) -> int:
    """The GPU of a row; for a copy, its receiving end unless that is the host."""
    ends = [end.handle for end in (row.dst_agent_id, row.src_agent_id) if end is not None]
    return next((end for end in ends if end in gpus), ends[0] if ends else 0)


def _operation(tool: _Tool, row: _Record) -> str:
    kinds = tool.strings.buffer_records
    operations = kinds[row.kind].operations if 0 <= row.kind < len(kinds) else []
    return operations[row.operation] if 0 <= row.operation < len(operations) else f"operation {row.operation}"
