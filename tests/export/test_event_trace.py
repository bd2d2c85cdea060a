"""What ExecuTorch's event tracer recorded, as a trace that the one reader of traces reads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.export.event_trace import Event, events_of, trace_text, traced_steps
from harness.trace import breakdown, load_rules


def event(name: str | None, start: int, end: int, at: int = 0, part: str | None = None) -> Any:
    return SimpleNamespace(name=name, start_time=start, end_time=end, instruction_id=at, delegate_debug_id_str=part)


STEP = [
    event("native_call_cumsum.out", 110, 140, 1), event("OPERATOR_CALL", 100, 150, 1),
    event(None, 200, 200, 2, "Add (ND) #1"), event(None, 200, 200, 2, "Fully Connected (NC, F32) GEMM #1"),
    event(None, 200, 200, 2, "Add (ND) #2"), event("DELEGATE_CALL", 160, 460, 2),
    event("Method::execute", 90, 500),
]  # fmt: skip


def test_an_operator_is_named_once_and_a_delegate_by_its_parts() -> None:
    """Each call in it, its product first; the calls around operators are not counted again."""
    assert events_of(STEP) == [
        Event("aten::cumsum", 110, 140),
        Event("xnnpack::Fully Connected (NC, F32) GEMM, Add (ND)", 160, 460),
        Event("Method::execute", 90, 500),
    ]


def test_the_reader_of_traces_reads_steps_operators_and_categories(tmp_path: Path) -> None:
    later = [Event(name, start + 1000, end + 1000) for name, start, end in events_of(STEP)]
    path = tmp_path / "executorch.json"
    path.write_text(trace_text([events_of(STEP), later]))
    found = breakdown(path, load_rules(), steps=2)
    assert found.device == "cpu" and found.gpu_sum_ns == 2 * (30 + 300)
    named = {row.name: row.category for row in found.kernels}
    assert named["xnnpack::Fully Connected (NC, F32) GEMM, Add (ND)"] == "Dense matmul" and len(named) == 2
    assert len([row for row in found.profiler_steps if row.step is not None]) == 2


def test_a_program_is_traced_by_the_runtime_itself() -> None:
    """The real one, where it is installed: three steps of a product and a sum over a row."""
    pytest.importorskip("executorch")
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.product = torch.nn.Linear(64, 64)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cumsum(self.product(x), 1)

    exported = {"decode": torch.export.export(Small(), (torch.ones(2, 64),), strict=True)}
    lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    text = traced_steps(lowered.buffer, [(torch.ones(2, 64),)] * 3)
    assert text.count("ProfilerStep#") == 3 and text.count("aten::cumsum") == 3
    assert text.count("xnnpack::Fully Connected") == 3
