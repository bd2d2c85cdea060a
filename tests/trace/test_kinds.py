"""A file that is no trace of torch's profiler is called by its name; a trace of another device is not a CPU's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness_reports.pages.breakdown import facts
from tests.trace.made import KERNELS, gpu, host, write

RULES = load_rules()
TRITON = [
    {"id": 1, "model_name": "m", "model_version": 1},
    {"id": 1, "timestamps": [{"name": "REQUEST_START", "ns": 1}]},
]
NODES = {"schema": "1.1.1-chakra.0.0.4", "pid": 1, "nodes": [{"id": 1, "name": "[pytorch|execution_trace|process]"}]}
JAX = {"displayTimeUnit": "ns", "traceEvents": [{"ph": "X", "pid": 1, "name": "f", "args": {"hlo_op": "f"}}]}
ASCEND = {"traceEvents": [{"ph": "X", "name": "MatMulV2", "ts": "1.5", "dur": 2, "args": {"Task Type": "AI_CORE"}}]}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer"),
        (json.dumps(NODES), "host execution trace"),
        (json.dumps(JAX), "JAX"),
        (json.dumps(ASCEND), "Ascend"),
        (json.dumps({"rocprofiler-sdk-tool": [{"metadata": {}}]}), "rocprof"),
        (json.dumps(TRITON), "Triton Inference Server"),
        (json.dumps({"$schema": "https://www.speedscope.app/file-format-schema.json"}), "speedscope"),
        (json.dumps({"benchmarks": []}), "pytest-benchmark"),
    ],
)
def test_a_file_is_called_by_its_name(tmp_path: Path, content: str, name: str) -> None:
    """In one line, with exit status 2; nobody is asked about a schedule."""
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(HarnessError, match=name) as error:
        breakdown(path, RULES)
    assert "\n" not in str(error.value) and "schedule" not in str(error.value) and error.value.exit_status == 2


def test_a_name_in_a_trace_makes_it_nothing_else(tmp_path: Path) -> None:
    """A kernel may be called anything."""
    rows = [*KERNELS, gpu(600, 1, '"hlo_op" REQUEST_START rocprofiler-sdk speedscope')]
    assert breakdown(write(tmp_path / "t.json", rows), RULES).kernel_count == 51


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (host("cuda_runtime", "cudaLaunchKernel", 1, 1, correlation=1), "the kernels of 1 launch are missing"),
        ({**gpu(5, 2), "cat": "cuda_profiler_range"}, "1 row of cuda_profiler_range not read"),
        ({**gpu(5, 2), "cat": "mtia_ccp_events"}, "1 row of mtia_ccp_events not read"),
        ({**ASCEND["traceEvents"][0]}, "1 row of Ascend NPU not read"),
        (host("cuda_runtime", "cudaDeviceSynchronize", 1, 1, correlation=1), "the trace has no GPU rows"),
    ],
)  # fmt: skip
def test_a_trace_without_kernels_says_why(tmp_path: Path, row: dict[str, object], said: str) -> None:
    """Launches without kernels, and rows of devices that are not read, are no trace of a CPU."""
    found = breakdown(write(tmp_path / "t.json", [host("cpu_op", "aten::mm", 0, 9), row]), RULES)
    assert found.device == "cpu" and said in next(facts(found))


def test_launches_alone_are_one_line(tmp_path: Path) -> None:
    """There is nothing to sum up."""
    rows = [host("cuda_runtime", "cudaLaunchKernel", at, 1, correlation=at) for at in range(3)]
    with pytest.raises(HarnessError, match="the kernels of all 3 launches are missing"):
        breakdown(write(tmp_path / "t.json", rows), RULES)
