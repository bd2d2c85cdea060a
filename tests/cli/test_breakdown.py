"""`harness breakdown`: data on standard output, one line for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import HarnessError
from tests.trace.made import KERNELS, SUM_NS, gpu, host, write


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["breakdown", *map(str, arguments)])


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    rows = [
        gpu(600, 30, "void f(anonymous namespace)::_fused_moe_kernel<int4>(int4*)", 90),
        gpu(640, 10, "\x1b[31munheard_of", 91, stream=8),
        host("cuda_runtime", "cudaLaunchKernel", 0, 1, correlation=90),
        host("cpu_op", "aten::outer", 0, 5),
    ]
    return write(tmp_path / "t.json", [*KERNELS, *rows])


def test_the_json_has_the_promised_keys(trace: Path) -> None:
    """Integer nanoseconds, schema 1; the categories add up to the GPU sum, every kernel is there once."""
    found = json.loads(run(trace, "--json").stdout)
    promised = {
        "schema": 1,
        "device": "cuda",
        "kernel_count": 52,
        "kernel_sum_ns": SUM_NS + 40_000,
        "gpu_sum_ns": SUM_NS + 40_000,
        "kernel_busy_ns": SUM_NS + 40_000,
        "gpu_busy_ns": SUM_NS + 40_000,
        "span_ns": 649_500,
        "uncategorised_ns": SUM_NS + 10_000,
        "attributed_ns": 30_000,
    }
    assert {key: found[key] for key in promised} == promised
    assert {"name": "MoE", "calls": 1, "total_ns": 30_000} in found["categories"]
    assert sum(row["total_ns"] for row in found["categories"]) == found["gpu_sum_ns"]
    assert len({row["name"] for row in found["kernels"]}) == len(found["kernels"]) == 5
    assert {"name", "category", "calls", "total_ns"} <= found["kernels"][0].keys()
    assert isinstance(found["data_quality"], dict) and found["idle_ns"] == 649_500 - SUM_NS - 40_000


def test_the_table_is_the_published_one(trace: Path) -> None:
    """Category, Total (ms), % GPU; the rest of what is to be known in lines below."""
    shown = run(trace).stdout
    heads = [line.split() for line in shown.splitlines() if line.split()[:1] in (["Category"], ["MoE"], ["Total"])]
    assert heads[0][:5] == ["Category", "Total", "(ms)", "%", "GPU"]
    assert heads[1] == ["MoE", "0.030", "20.5", "1"] and heads[2][:3] == ["Total", "0.146", "100.0"]
    for part in (
        "2 streams on 1 device",
        "uncategorised",
        "attributed",
        "idle",
        "data quality",
        "gpu rows without launch: 51",
    ):
        assert part in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("by", "part"),
    [("op", "aten::outer"), ("stream", "Busy (ms)"), ("launch", "cudaLaunchKernel"), ("layer", "nothing to list")],
)
def test_the_second_table_is_by_what_is_asked(trace: Path, by: str, part: str) -> None:
    """Kernels when nothing is."""
    assert part in run(trace, "--by", by).stdout
    assert "and 4 more (--top)" in run(trace, "--top", 1).stdout


def test_of_two_traces_the_difference_is_shown(tmp_path: Path, trace: Path) -> None:
    """In text and in JSON; of a trace and itself it is zero."""
    other = write(tmp_path / "u.json", [*KERNELS, gpu(600, 45, "_fused_moe_kernel_2", 90)])
    shown = run(trace, other).stdout
    assert "difference" in shown and "+0.005 ms" in shown and "appeared" in shown and "vanished" in shown
    found = json.loads(run(trace, other, "--json").stdout)
    assert found["difference"]["delta_ns"] == 5_000 == found["head"]["gpu_sum_ns"] - found["base"]["gpu_sum_ns"]
    same = json.loads(run(trace, trace, "--json").stdout)["difference"]
    assert same["delta_ns"] == 0 and {row["state"] for row in same["kernels"]} == {"same"}
    assert len(json.loads(run(trace, trace, other, "--json").stdout)["traces"]) == 3


def test_a_part_of_a_trace_is_what_is_asked(tmp_path: Path) -> None:
    """Steps, all but the first, or a window; a number alone is how many decode steps there are, as before."""
    rows = [host("user_annotation", f"ProfilerStep#{n}", 1000 * n, 900) for n in range(3)]
    for n in range(3):
        rows.append(host("cuda_runtime", "cudaLaunchKernel", 1000 * n + 5, 1, correlation=n))
        rows.append(gpu(1000 * n + 20, 10 + n, "k", n))
    path = write(tmp_path / "t.json", rows)

    def total(*arguments: object) -> int:
        return int(json.loads(run(path, "--json", *arguments).stdout)["gpu_sum_ns"])

    assert total() == 33_000 and total("--steps", 3) == 33_000
    assert total("--steps", "1-2") == total("--skip", 1) == 23_000 and total("--window", "..1.5") == 21_000
    shown = run(path, "--by", "step", "--skip", 1).stdout
    assert "without the first step alone" in shown and "ProfilerStep#2" in shown and "ProfilerStep#0" not in shown
    for wrong in (("--steps", "9-9"), ("--window", "x"), ("--steps", "x")):
        assert isinstance(run(path, *wrong).exception, HarnessError)


def test_own_rules_are_used(tmp_path: Path, trace: Path) -> None:
    """They go before the shipped ones."""
    rules = tmp_path / "mine.yaml"
    rules.write_text("- {category: Mine, kernels: [unheard_of]}\n")
    found = json.loads(run(trace, "--json", "--categories", rules).stdout)
    assert {"Mine", "MoE"} <= {row["name"] for row in found["categories"]}


def test_what_is_no_trace_is_one_line_and_status_2(tmp_path: Path) -> None:
    """Never a traceback."""
    path = tmp_path / "t.json"
    path.write_text("hello")
    error = run(path).exception
    assert isinstance(error, HarnessError) and error.exit_status == 2
    assert "t.json" in str(error) and "\n" not in str(error)
