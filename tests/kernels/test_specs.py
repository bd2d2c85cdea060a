"""What a spec owes to those who plan: complete, consistent with its reference, and readable without torch."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from typing import get_args

import pytest

from harness.load_kernels import load_op, load_spec
from harness.suite.catalogue import variants
from harness_kernels.contract import Fill, Role
from harness_kernels.operands import evaluate
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import OPS

TRITON = importlib.util.find_spec("triton") is not None
SMALL = 1 << 22
"""Elements: an operand above this would make a quick check slow."""


@pytest.mark.parametrize("op", OPS)
def test_a_spec_is_complete(op: str) -> None:
    """A default variant for each phase (none for a composite, whose parts exist), two or more test shapes, roles, fills
    and constants that exist."""
    module = sys.modules[load_op(op).cost.__module__]
    spec = load_spec(op).op
    default = getattr(module, "DEFAULT", {})
    assert set(default) == (set() if spec.replaces else set(spec.phases)) and set(default.values()) <= set(variants(op))
    assert set(spec.replaces) <= set(OPS)
    assert len(module.TEST_SHAPES) >= 2 and spec.summary.endswith(".")
    assert set(spec.tolerance) == {"float32", "bfloat16"}
    for declared in spec.inputs:
        assert declared.role in get_args(Role) and declared.fill in get_args(Fill)
        assert (declared.role == "constant") == (declared.value is not None) == (not declared.shape)


@pytest.mark.parametrize("op", OPS)
def test_a_reference_takes_the_inputs_of_its_op_by_name(op: str) -> None:
    loaded = load_op(op)
    assert list(inspect.signature(loaded.reference).parameters) == [declared.name for declared in loaded.op.inputs]


@pytest.mark.parametrize("op", OPS)
def test_test_shapes_are_small_whole_and_awkward(op: str) -> None:
    """Every size is positive, none is large, and not every shape is a multiple of 16 throughout."""
    loaded = load_op(op)
    sizes = [
        [evaluate(size, dims) for declared in loaded.op.inputs for size in declared.shape]
        for dims in loaded.test_shapes
    ]
    for shape, dims in zip(sizes, loaded.test_shapes, strict=True):
        assert min(shape) > 0 and max(shape) < SMALL
        cost = loaded.cost(dims)
        assert cost.read_bytes > 0 and cost.write_bytes > 0 and cost.flop >= 0
    assert any(size % 16 and size > 1 for shape in sizes for size in shape)


@pytest.mark.parametrize("op", OPS)
def test_tolerances_have_room_for_rounding_and_not_for_mistakes(op: str) -> None:
    """float32: 1e-6 is what two orders of adding 4096 terms differ by. bfloat16: one rounding is 2^-9 at most of the
    largest value and about 1.7e-3 in the mean; three times that is far below any wrong weight, expert or scale."""
    for dtype, tolerance in load_op(op).op.tolerance.items():
        exact = op in ("router", "route", "gated_delta_rule")
        low, high = (2e-6, 1e-4) if dtype == "float32" else (1e-4 if exact else 2**-8, 2e-2)
        assert low <= tolerance.rms_error <= tolerance.max_error <= high


def test_specs_and_the_contract_import_without_torch_or_triton() -> None:
    """A plan is made on machines that have neither."""
    script = f"""
import sys
sys.modules["torch"] = sys.modules["triton"] = None
from pathlib import Path
from harness import kernels_root
kernels_root.bind(Path({str(REPOSITORY / "kernels")!r}))
for op in {OPS!r}:
    spec = kernels_root.module(op + ".spec")
    assert all(spec.cost(shape).bytes > 0 for shape in spec.TEST_SHAPES)
"""
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


def test_kernels_need_nothing_but_torch_and_triton() -> None:
    """The folder is usable on its own: every reference and variant imports with the harness blocked."""
    names = {op: [name for name in variants(op) if TRITON or not name.startswith("triton")] for op in OPS}
    script = f"""
import importlib, sys, types
for name in ("harness", "harness_reports", "msgspec", "sqlalchemy", "typer", "rich", "yaml", "scipy", "matplotlib",
             "transformers"):
    sys.modules[name] = None
package = types.ModuleType("harness_kernels")
package.__path__ = [{str(REPOSITORY / "kernels")!r}]
sys.modules["harness_kernels"] = package
for op, variants in {names!r}.items():
    for name in ("reference", *variants):
        importlib.import_module(f"harness_kernels.{{op}}.{{name}}")
importlib.import_module("harness_kernels.operands")
"""
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)
