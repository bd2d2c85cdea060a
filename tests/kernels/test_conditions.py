"""Every op at any size, under any condition that its spec names: definitions stay numbers, variants agree, a lost row
is seen, and what is wrong can be run again alone."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.load_kernels import LoadedVariant, load_op, load_variant
from harness.measure.agreement import ROW_FLOOR, sentence, trailing_dims
from harness.measure.verify import ExpectedSets, verify_against
from harness.measure.wrong_output import examine
from harness.values.case import Case
from harness.values.measurement import Correctness
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import DTYPES, OPS, VARIANTS, case_of, copied_definition

pytestmark = pytest.mark.slow

STRESSED = [op for op in OPS if load_op(op).conditions]
ON_THE_CPU = [(op, name) for op, name in VARIANTS if op in STRESSED and not name.startswith(("triton", "fla"))]
AT_BORDERS = st.sampled_from([1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33])
"""Of the blocks that kernels have, and one more or less."""
COUNTS = ("tokens", "batch", "length", "context")
"""Dims that no other has to fit."""
LEAST_VALUES = 4
"""Of an output, that are not zero. Errors are relative to the output's size; one value alone can be small because its
sum cancels, and then bfloat16 products of any order are far from it (LIMITS)."""
UNHURRIED = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)


@st.composite
def asked(draw: st.DrawFn, op: str) -> tuple[dict[str, int], str, str, int]:
    """Dims, dtype, a condition of the op and a salt of its inputs."""
    dims = dict(draw(st.sampled_from(load_op(op).test_shapes)))
    for name in COUNTS:
        if name in dims:
            dims[name] = draw(AT_BORDERS)
    if {"batch", "length"} <= set(dims):
        dims["batch"] = draw(st.integers(1, 3))
    if "capacity" in dims:
        dims["capacity"] = dims["context"] + dims["length"] + draw(st.integers(0, 3))
    return dims, draw(st.sampled_from(DTYPES)), draw(st.sampled_from(load_op(op).conditions)), draw(st.integers(0, 99))


def inputs_of(case: Case, salt: int) -> ExpectedSets:
    return ExpectedSets(load_op(str(case.op)), case, getattr(torch, case.dtype), "cpu", salt, "uniform")


def under(variant: LoadedVariant, case: Case, condition: str, salt: int) -> Correctness | None:
    """Of the operands under the condition alone; None where these shapes leave it nothing to change."""
    expected = inputs_of(case, salt)(condition)
    return None if expected is None else expected.check(variant, variant.tunables_of(case.answer))[1]


def replayable(variant: LoadedVariant, case: Case, condition: str) -> str:
    """Where the inputs of a wrong result lie, with a script that runs them."""
    op = load_op(str(case.op))
    result = verify_against(variant, case, inputs_of(case, 0), [condition], math.inf)
    folder = Path(tempfile.mkdtemp(prefix="harness-condition-"))
    return examine(op, variant, case, "cpu", "uniform", result, folder)[1] or "not wrong with the first inputs"


@pytest.mark.parametrize("op", STRESSED)
@given(data=st.data())
@UNHURRIED
def test_a_definition_has_no_nan_under_any_condition(op: str, data: st.DataObject) -> None:
    """A condition keeps the meaning of the inputs: what is NaN would agree with every kernel that gives NaN."""
    dims, dtype, condition, salt = data.draw(asked(op))
    expected = inputs_of(case_of(op, "definition", dims, dtype), salt)(condition)
    assume(expected is not None)
    assert not any(bool(torch.isnan(value).any()) for value in expected.wanted), (dims, dtype, condition)


@pytest.mark.parametrize(("op", "name"), ON_THE_CPU)
@given(data=st.data())
@UNHURRIED
def test_a_variant_agrees_under_any_condition(op: str, name: str, data: st.DataObject) -> None:
    dims, dtype, condition, salt = data.draw(asked(op))
    variant, case = load_variant(op, name, REPOSITORY), case_of(op, name, dims, dtype)
    assume(variant.supports is None or variant.supports(case) is None)
    expected = inputs_of(case, salt)(condition)
    assume(expected is not None)
    floats = [value for value in expected.wanted if value.is_floating_point()]
    assume(all(int(torch.count_nonzero(value)) >= LEAST_VALUES for value in floats))
    found = expected.check(variant, variant.tunables_of(case.answer))[1]
    if not found.correct:
        pytest.fail(f"{sentence(found)}: {replayable(variant, case, condition)}")


@pytest.mark.parametrize("op", [op for op in STRESSED if op not in ("greedy", "kv_append")])  # no float to lose
@given(data=st.data())
@UNHURRIED
def test_a_lost_row_is_seen_under_any_condition(op: str, data: st.DataObject) -> None:
    """The definition itself, with one row of its first output zero, unless that row is as small as its floor."""
    dims, dtype, condition, salt = data.draw(asked(op))
    definition, loaded = copied_definition(op), load_op(op)
    lost: list[float] = []

    def run(*operands: Any) -> Any:
        given = [value.float() if torch.is_tensor(value) and value.is_floating_point() else value for value in operands]
        states = [(old, new) for old, new in zip(operands, given, strict=True) if old is not new]
        returned = definition(*given)
        for old, new in states:
            old.copy_(new)
        outputs = returned if isinstance(returned, tuple) else (returned,)
        wanted = [loaded.output_dtype(output, dtype) for output, _ in loaded.op.outputs]
        rounded = [
            value.to(getattr(torch, into) if value.is_floating_point() else value.dtype).contiguous().clone()
            for value, into in zip(outputs, wanted, strict=True)
        ]
        first = rounded[0]
        trailing = loaded.row_dims(loaded.op.outputs[0][0]) or trailing_dims(first.shape)
        rows = first.view(-1, first.shape[first.dim() - trailing :].numel())
        number = salt % len(rows)
        lost.append(float(rows[number].abs().max() / first.abs().max().clamp_min(1e-30)))
        rows[number] = 0
        return tuple(rounded) if isinstance(returned, tuple) else first

    planted = LoadedVariant(op, "planted", run, {}, None, None, REPOSITORY, "", "")
    found = under(planted, case_of(op, "planted", dims, dtype), condition, salt)
    assume(found is not None and lost[-1] > 10 * ROW_FLOOR)
    assert not found.correct, (dims, dtype, condition, lost[-1])


FORGETS_EPS = """import torch


def run(x, weight, eps):
    wide = x.float()
    found = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True)) * (1.0 + weight.float())
    return found.to(x.dtype)
"""


def test_what_is_wrong_under_a_condition_is_kept_and_runs_alone(tmp_path: Path) -> None:
    """A norm without its eps is right on random rows and wrong on rows that are 32 times smaller. With the eps the same
    inputs are right."""
    file = tmp_path / "forgets.py"
    file.write_text(FORGETS_EPS)
    op, variant = load_op("rms_norm"), load_variant("rms_norm", str(file), tmp_path)
    case = case_of("rms_norm", str(file), {"tokens": 3, "heads": 2, "width": 32}, "float32")
    result = verify_against(variant, case, inputs_of(case, 0), op.conditions, math.inf)
    assert not result.correct and result.condition == "row_sizes"
    _, evidence = examine(op, variant, case, "cpu", "uniform", result, tmp_path / "evidence")
    assert replayed(Path(evidence), tmp_path) == (1, "INCORRECT")
    kernel = Path(evidence) / "kernel.py"
    kernel.write_text(kernel.read_text().replace("keepdim=True))", "keepdim=True) + eps)"))
    assert replayed(Path(evidence), tmp_path) == (0, "correct")


def replayed(folder: Path, home: Path) -> tuple[int, str]:
    """Exit status and verdict of the script."""
    done = subprocess.run(
        [sys.executable, "-P", "repro.py"], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()[-1]
