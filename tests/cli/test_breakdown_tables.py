"""`harness breakdown` of a file with everything that can be in one: what a reader sees, as golden files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from tests.reports.golden_files import check
from tests.trace.made import Row, gpu, host, write

CALLED = {
    "aten::mm": "nvjet_tst_64x8_64x16_4x1_v_bz_TNT",
    "aten::native_layer_norm": "void at::native::vectorized_layer_norm_kernel<float>(int)",
    "aten::embedding": "_topk_kernel",
    "acme::solve": "void acme::solver::residuum<float>(float)",
}


def rank(pid: int, device: int, shift: float) -> list[Row]:
    """Three steps of four ops, the first slow; the same numbers in every process."""
    rows: list[Row] = []
    for step in range(3):
        rows.append(host("user_annotation", f"ProfilerStep#{step}", 1000 * step + shift, 900))
        for at, (op, kernel) in enumerate(CALLED.items()):
            number, start = 4 * step + at + (device and step), 1000 * step + 100 * at + shift
            shapes = {"Input Dims": [[8, 64 + step], [64, 8]], "Input type": ["float", "float"]} if "mm" in op else {}
            rows.append(host("cpu_op", op, start, 60, **shapes))
            rows.append(host("cuda_runtime", "cudaLaunchKernel", start + 5, 2, correlation=number))
            late, length = 30 + 40 * device, 200 / (step + 1) - 15 * at
            rows.append(gpu(start + late, length, kernel, number, device=device, pid=device))
    return [row if row["cat"] == "kernel" else {**row, "pid": pid, "tid": pid} for row in rows]


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [*rank(4711, 0, 0), *rank(4712, 1, 20), gpu(150, 2_000_000, "stuck", 900)]
    rows = [{**row, "ts": row["ts"] + 1.7e15} for row in rows]
    write(tmp_path / "job.json", [*rows, gpu(0, 0, "zero", 901)])
    monkeypatch.chdir(tmp_path)
    return Path("job.json")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["breakdown", *map(str, arguments)])


@pytest.mark.parametrize("by", ["kernel", "step", "device", "process", "stream", "shape"])
def test_what_a_reader_sees(trace: Path, by: str) -> None:
    """Devices of their own, rows that cannot be true, a contradiction, a library that nobody knows, steps, shapes."""
    check(f"breakdown_{by}.txt", run(trace, "--by", by).stdout)


def test_the_page_and_the_json_have_the_same(trace: Path) -> None:
    """Process, device, step, contradiction, doubt and shape are keys of one, tables of the other."""
    run(trace, "--html", "job.html")
    page, found = Path("job.html").read_text(), json.loads(run(trace, "--json").stdout)
    for heading in (
        "By device",
        "By process",
        "By step",
        "By shape",
        "Category against op",
        "Uncategorised, by namespace",
    ):
        assert heading in page
    assert {row["process"] for row in found["devices"]} == {"4711", "4712"}
    assert [(row["device"], row["idle_ns"] + row["busy_ns"]) for row in found["devices"]] == [
        ("0", found["span_ns"]), ("1", found["span_ns"]),
    ]  # fmt: skip
    assert {row["reason"].split()[0] for row in found["doubts"]} == {"at", "longer"}
    assert [row["op"] for row in found["contradictions"]] == ["aten::embedding"]
    assert found["contradicted_ns"] == sum(row["total_ns"] for row in found["contradictions"]) > 0
    assert [row["name"] for row in found["unknown"]] == ["acme::solver"]
    assert sum(row["total_ns"] for row in found["profiler_steps"]) == found["gpu_sum_ns"]
    assert {"longest_ns", "median_ns", "spread_ns"} <= found["kernels"][0].keys()
