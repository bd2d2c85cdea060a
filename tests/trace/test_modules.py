"""Calls of modules are scopes: named by their classes below the layer, whatever the model."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.trace import breakdown, load_rules
from tests.trace.made import Row, gpu, host, write

RULES = load_rules()


def module(name: str, start: float, duration: float) -> Row:
    return host("python_function", f"nn.Module: {name}", start, duration)


def launched(at: float, correlation: int) -> list[Row]:
    return [
        host("cuda_runtime", "cudaLaunchKernel", at, 1, correlation=correlation),
        gpu(at + 500, 10, "k", correlation),
    ]


def test_the_same_module_of_every_layer_has_one_name(tmp_path: Path) -> None:
    """The second Linear of a block is that in each; what is in no layer says so."""
    rows = [module("Model_0", 0, 400), *launched(390, 99)]
    for layer in range(3):
        at = 100 * layer
        rows += [
            module(f"DecoderLayer_{layer}", at + 1, 90),
            module(f"MLP_{layer}", at + 2, 60),
            *launched(at + 80, layer),
        ]
        for n in range(2):
            rows += [
                module(f"Linear_{2 * layer + n}", at + 10 + 20 * n, 15),
                *launched(at + 12 + 20 * n, 10 * layer + n + 20),
            ]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert {row.name: row.calls for row in found.scopes} == {
        "MLP.Linear": 3, "MLP.Linear[1]": 3, "DecoderLayer": 3, "Model": 1,
    }  # fmt: skip
    assert {row.name: row.calls for row in found.layers} == {"0": 3, "1": 3, "2": 3, "-": 1}


def test_a_scope_inside_of_a_module_is_the_innermost(tmp_path: Path) -> None:
    """What a person wrote says more."""
    rows = [module("Model_0", 0, 400), host("user_annotation", "mine", 10, 50), *launched(20, 1), *launched(100, 2)]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert {row.name for row in found.scopes} == {"mine", "Model"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["A_0", "BLayer_1", "C", "D_x"]), st.integers(0, 300), st.integers(0, 300))))
def test_no_module_costs_or_adds_time(tmp_path: Path, calls: list[tuple[str, int, int]]) -> None:
    """Overlapping and equal spans as damage leaves them: sums stay."""
    rows = [row for n in range(5) for row in launched(60 * n, n)]
    rows += [module(name, start, duration) for name, start, duration in calls]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert found.gpu_sum_ns == 50_000 and sum(row.total_ns for row in found.ops or found.kernels) == 50_000
    assert not found.scopes or sum(row.total_ns for row in found.scopes) == 50_000
