"""Problems of every kind become ops that are right, or a line why not; a wrong kernel of an imported op is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.planted_mistakes import with_mistakes
from harness.importers.import_ops import import_all
from harness.importers.messages import CheckOp
from harness.importers.outcome import Imported, Refused
from harness.load_kernels import LoadedOp, load_op
from harness.serving.import_problems import answer
from harness.suite.catalogue import bind_ops
from harness.suite.op_sources import source_of
from tests.importers.problems import (
    BENCHMARK,
    DEFINITION,
    GEMM,
    NORM,
    SIMPLE,
    write,
    write_definition,
    write_tritonbench,
)


def ask(job: Any, _: Any) -> Any:
    """In this process: what a worker would answer."""
    return answer(job)


def imported(kind: str, file: Path, evaluate: bool = False) -> Imported:
    [found] = import_all(kind, [file], ask, evaluate)
    assert isinstance(found, Imported), found
    return found


def refused(kind: str, file: Path) -> str:
    [found] = import_all(kind, [file], ask)
    assert isinstance(found, Refused), found.text
    return found.reason


def loaded(op: Imported, folder: Path) -> LoadedOp:
    file = write(folder, f"{op.name}.py", op.text)
    bind_ops({op.name: source_of(file, "a test")})
    return load_op(op.name)


def test_a_module_with_parameters(tmp_path: Path) -> None:
    """Sizes are dims, derived ones follow from them; parameters that matter are weights, arguments constants; a check
    at small sizes in both dtypes."""
    op = imported("kernelbench", write(tmp_path, "12_Gemm Scale.py", GEMM))
    assert op.name == "gemm_scale_12" and op.shapes == ({"batch_size": 128, "width": 4096, "out_width": 2048},)
    assert {one.dtype for one in op.checked} == {"float32", "bfloat16"}
    assert {"batch_size": 2, "width": 16, "out_width": 16} in [one.dims for one in op.checked]
    own = loaded(op, tmp_path)
    roles = {i.name: i.role for i in own.op.inputs}
    assert roles == {
        "x": "activation", "linear_weight": "weight", "linear_bias": "weight", "shift": "weight", "width": "constant",
        "out_width": "constant", "floor": "constant", "bias_shape": "constant",
    }, "the linear layer that nobody calls is no input"  # fmt: skip
    assert own.op.tolerance and "SCALE = 2.0" in op.text and "floor = 0.5" in op.text


def test_numbers_that_hide_no_mistake(tmp_path: Path) -> None:
    """The problem's inputs are never negative and its shift is zero: with `spread` both are drawn otherwise."""
    own = loaded(imported("kernelbench", write(tmp_path, "gemm.py", GEMM)), tmp_path)
    assert own.inputs is not None
    sizes = {"batch_size": 4, "width": 16, "out_width": 8, "dtype": torch.float32}
    x, shift, *_ = own.inputs(**sizes)
    assert x.min() >= 0 and not shift.any()
    x, shift, *_ = own.inputs(**sizes, spread=1)
    assert x.min() < 0 and shift.std() > 0.01


def test_a_module_that_keeps_running_statistics(tmp_path: Path) -> None:
    """In training it normalises by the batch; in evaluation the statistics are inputs. A number among the inputs is a
    constant."""
    file = write(tmp_path, "norm.py", NORM)
    training, evaluation = imported("kernelbench", file), imported("kernelbench", file, evaluate=True)
    names = [i.name for i in loaded(training, tmp_path / "a").op.inputs]
    assert names == ["x", "norm_weight", "norm_bias", "scale", "features"] and "scale=3" in training.text
    assert "norm_running_mean" in [i.name for i in loaded(evaluation, tmp_path / "b").op.inputs]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("self.drop(x)", "random: dropout in training (drop); --evaluate turns it off"),
        ("x + torch.rand_like(x)", "random: two calls on the same inputs differ"),
        ("x[x > 0.5]", "data-dependent shapes"),
        ("{'y': x}", "returns dict where an op returns tensors"),
        ("x.sum().item()", "returns float where an op returns tensors"),
        ("x * 0 + 1", "its output is the same whatever goes in"),
        ("x + 1e7 - 1e7", "its output is rounding noise"),
        ("torch.fft.fft(x)", "returns complex numbers"),
        ("x.nothing()", "does not run on a CPU: AttributeError"),
        ("exit(3)", "SystemExit"),
        ("x + missing", "does not run on a CPU: NameError: name 'missing' is not defined"),
    ],
)
def test_modules_that_make_no_op(tmp_path: Path, body: str, why: str) -> None:
    assert why in refused("kernelbench", write(tmp_path, "problem.py", SIMPLE.replace("BODY", body)))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("class Model", "class Other", "has no class Model"),
        ("def get_inputs", "def inputs", "has no function get_inputs"),
        ("    def forward(self, x)", "    def forward(self, *x)", "forward takes *args or **kwargs"),
        ("rows = 32", "rows = 32\n\n\ndef reference():\n    pass", "defines reference, which an op file needs"),
        ("rows = 32", "rows = ", "not Python: invalid syntax (line 14)"),
        ("[torch.rand(rows, 64)]", "torch.rand(rows, 64)", "get_inputs returns Tensor, not a list"),
    ],
)
def test_files_that_are_no_problem(tmp_path: Path, old: str, new: str, why: str) -> None:
    text = SIMPLE.replace("BODY", "x + 1")
    assert text.count(old) >= 1
    assert why in refused("kernelbench", write(tmp_path, "problem.py", text.replace(old, new)))


def test_a_definition_with_workloads(tmp_path: Path) -> None:
    """Axes that follow from others are computed, offsets and pages are drawn as such, constants that the reference does
    not insist on are dims; workloads are shapes, and a scalar has their value."""
    op = imported("flashinfer-bench", write_definition(tmp_path))
    assert op.dtype == "bfloat16" and [one["batch_size"] for one in op.shapes] == [4, 8] and op.checked
    own = loaded(op, tmp_path)
    assert own.inputs is not None and own.op.inputs[-1].value == 0.25
    assert own.output_dtype("largest", "bfloat16") == "float32"
    made = own.inputs(batch_size=3, num_pages=10, num_kv_indices=7)
    assert made["kv_indptr"].tolist() == [0, 2, 4, 7] and made["kv_indices"].max() < 10
    assert made["cache"].shape == (10, 4, 512) and made["bias"].shape == (256,)


def test_a_definition_that_says_how_its_inputs_are_made(tmp_path: Path) -> None:
    """`custom_inputs_entrypoint`, as SOL-ExecBench has it."""
    definition = {
        "name": "take", "axes": {"n": {"type": "var"}, "k": {"type": "const", "value": 4}},
        "inputs": {"x": {"shape": ["n"], "dtype": "float32"}, "at": {"shape": ["k"], "dtype": "int64"}},
        "outputs": {"y": {"shape": ["k"], "dtype": "float32"}}, "custom_inputs_entrypoint": "generate",
        "reference": "import torch\n\ndef generate(sizes, device):\n    n, k = sizes['n'], sizes['k']\n"
                     "    return {'x': torch.randn(n, device=device), 'at': torch.arange(k, device=device)}\n\n"
                     "def run(x, at):\n    return x[at]\n",
    }  # fmt: skip
    custom = {"x": {"type": "custom"}, "at": {"type": "custom"}}
    file = write(tmp_path, "definition.json", json.dumps(definition))
    write(tmp_path, "workload.jsonl", json.dumps({"axes": {"n": 64}, "inputs": custom}))
    op = imported("flashinfer-bench", file)
    assert op.shapes == ({"n": 64},) and all(not one.wrong for one in op.checked)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"axes": {}}, "there is no axis num_pages"),
        ({"reference": "import torch\ndef go(): pass\n"}, "its reference has no function run"),
        ({"reference": "def run(cache): return cache\n"}, "its run takes cache, its inputs are cache, bias"),
        ({"outputs": {"n": {"shape": None, "dtype": "int32"}}}, "returns a number (n)"),
        ({"axes": {**DEFINITION["axes"], "half": {"type": "expr", "expression": "__import__('os')"}}}, "no arithmetic"),
        ({"axes": {**DEFINITION["axes"], "a b": {"type": "var"}}}, "'a b' is no name of Python"),
        ({"axes": {"a": {"type": "other"}}}, "no definition: Invalid value 'other'"),
        ({"constraints": [], "axes": {**DEFINITION["axes"], "num_kv_indices": {"type": "const", "value": 3}},
          "inputs": {**DEFINITION["inputs"], "ids": {"shape": ["width"], "dtype": "int32"}},
          "reference": DEFINITION["reference"].replace("eps)", "eps, ids)")}, "nothing says which integers ids has"),
    ],
)  # fmt: skip
def test_definitions_that_make_no_op(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    assert why in refused("flashinfer-bench", write_definition(tmp_path, DEFINITION | change))


def test_the_workloads_of_a_kernels_package(tmp_path: Path) -> None:
    """A class is an op, a workload a value of its dim; what the kernel is to write stays out of the inputs."""
    op = imported("hf-kernels", write(tmp_path, "mine/benchmarks/benchmark.py", BENCHMARK))
    assert op.name == "mine_scale" and op.shapes == ({"workload": 0}, {"workload": 1}) and op.dtype == "float16"
    own = loaded(op, tmp_path)
    assert own.inputs is not None and own.inputs(1, device="cpu")["factor"] == 5
    assert [i.name for i in own.op.inputs] == ["x", "factor", "out_shape", "out_dtype", "workload"]
    assert "run_kernel" in op.text and 'KERNEL = "kernels-community/mine"' in op.text


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("self.factor = 3", "self.factor = self.kernel.best()", "its setup runs the kernel"),
        ("def verify_", "def check_", "no workload has a verify_*"),
        ("def benchmark_", "def time_", "no class of it has workloads of its own"),
        ("(Benchmark)", "(other.Benchmarks)", "it derives from a class in another file: other.Benchmarks"),
    ],
)
def test_benchmarks_that_make_no_op(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert why in refused("hf-kernels", write(tmp_path, "benchmark.py", BENCHMARK.replace(old, new)))


def test_an_operator_of_tritonbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its baseline is the reference, every other implementation a variant, numbers among its inputs are constants; the
    seeds of this process stay its own, though the operator replaces torch's function."""
    monkeypatch.syspath_prepend(str(tmp_path))
    seed = torch.manual_seed
    op = imported("tritonbench", write_tritonbench(tmp_path))
    assert torch.manual_seed is seed
    own = loaded(op, tmp_path)
    assert op.name == "scale_tritonbench" and [i.name for i in own.op.inputs] == ["x", "factor"]
    assert own.inputs is not None and own.inputs(1, device="cpu", dtype=torch.float32)[0].shape == (32,)
    assert "def run_other_scale(x, factor=3.0)" in op.text


@pytest.mark.parametrize(
    "text", [GEMM, NORM, SIMPLE.replace("BODY", "torch.relu(x - 0.5)")], ids=["gemm", "norm", "relu"]
)
def test_planted_mistakes_are_found(tmp_path: Path, text: str) -> None:
    """A row too large, a wrong value, places shifted, a bias or a weight forgotten: wrong at one small shape at least,
    while the module itself is right at all."""
    op = imported("kernelbench", write(tmp_path, "problem.py", text))
    planted, mistakes = with_mistakes(op.text)
    file = write(tmp_path, "planted.py", planted)
    small = tuple({str(one.dims): one.dims for one in op.checked}.values())
    found = answer(CheckOp("planted", str(file), ("run", *mistakes), ("float32",), small))
    wrong = {one.variant for one in found.checked if one.wrong}
    assert wrong == set(mistakes) and len(mistakes) >= 3
