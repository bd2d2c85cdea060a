"""Steps of an ExecuTorch program as a trace: an event for each call of an operator, from the runtime's event tracer."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

NATIVE = "native_call_"
DELEGATE, STEP = "DELEGATE_CALL", "Method::execute"
WARM_UP_STEPS = 3
NUMBERED = re.compile(r" #\d+$")
"""XNNPACK numbers its operators of one kind."""


class Event(NamedTuple):
    """Times in ns, by the tracer's clock."""

    name: str
    start_ns: int
    end_ns: int


def traced_steps(program: bytes, inputs: Sequence[tuple[Any, ...]]) -> str:
    """The text of a Chrome trace of `decode` over these inputs, a step each, after `WARM_UP_STEPS` of the first.

    Its states begin empty: the module that has a tracer shares none between its methods (logits behind a `restore` were
    those of no prompt), and a step's work does not depend on what they hold.
    """
    from executorch.extension.pybindings import portable_lib

    module = portable_lib._load_for_executorch_from_buffer(
        program, enable_etdump=True, program_verification=portable_lib.Verification.Minimal
    )
    for given in [*[inputs[0]] * WARM_UP_STEPS, *inputs]:
        module.run_method("decode", given)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "steps.etdump"
        module.write_etdump_result_to_file(str(dump), "")
        runs = _read(dump.read_bytes())
    return trace_text([events_of(run) for run in runs[WARM_UP_STEPS:]])


def _read(dump: bytes) -> list[list[Any]]:
    """The profile events of each executed method."""
    from executorch.devtools.etdump.serialize import deserialize_from_etdump_flatcc

    recorded = deserialize_from_etdump_flatcc(dump).run_data
    runs = [[event.profile_event for event in run.events if event.profile_event] for run in recorded]
    return [run for run in runs if any(event.name == STEP for event in run)]


def events_of(run: Sequence[Any]) -> list[Event]:
    """The step and its operators: `aten::cumsum` for a kernel, `xnnpack::Fully Connected (NC, F32) GEMM, Add (ND)` for
    the parts that a delegate ran in one call. A delegate's own clock is whole microseconds, which most parts are below.
    """
    parts: dict[int, list[str]] = {}
    for event in run:
        if event.delegate_debug_id_str:
            kinds = parts.setdefault(event.instruction_id, [])
            kind = NUMBERED.sub("", event.delegate_debug_id_str)
            kinds += [kind] if kind not in kinds else []
    return [Event(*found) for event in run for found in _named(event, parts)]


def _named(event: Any, parts: dict[int, list[str]]) -> Iterator[tuple[str, int, int]]:
    if event.name == STEP:
        yield STEP, event.start_time, event.end_time
    elif event.name == DELEGATE:
        inside = sorted(parts.get(event.instruction_id, ["delegate"]), key=lambda kind: "GEMM" not in kind)
        yield f"xnnpack::{', '.join(inside)}", event.start_time, event.end_time
    elif event.name and event.name.startswith(NATIVE):
        yield f"aten::{event.name.removeprefix(NATIVE).partition('.')[0]}", event.start_time, event.end_time


def trace_text(steps: Sequence[Sequence[Event]]) -> str:
    """Events as in a trace of torch's profiler: operators of one thread, and a `ProfilerStep` around each step."""
    events: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        for event in step:
            is_step = event.name == STEP
            events.append({
                "ph": "X", "cat": "user_annotation" if is_step else "cpu_op", "pid": 1, "tid": 1,
                "name": f"ProfilerStep#{number}" if is_step else event.name,
                "ts": event.start_ns / 1e3, "dur": (event.end_ns - event.start_ns) / 1e3, "args": {},
            })  # fmt: skip
    return json.dumps({"schemaVersion": 1, "traceEvents": events})
