"""What a kernel writes or reads beside its operands is seen, named and located, in its check and in its batch."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.load_kernels import LoadedVariant, load_op
from harness.measure.guards import GUARD_BYTES, Guards, StrayWrite
from harness.measure.kernel_cases import KernelBench
from harness.measure.verify import verify_variant
from harness.values.case import Case, Implementation
from harness.values.measurement import Correctness, Mismatch, Status
from harness.values.suite import Timing
from harness.worker.messages import Measured
from tests.conftest import REPOSITORY

DTYPES = [
    torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int64, torch.int32, torch.int16, torch.uint8, torch.bool,
]  # fmt: skip
DIMS = {"tokens": 3, "hidden": 40}


def poke(tensor: torch.Tensor, element: int, value: float = 1.0) -> None:
    """Writes one element by address, wherever that lies."""
    size = tensor.element_size()
    one = torch.full((1,), value, dtype=tensor.dtype)
    ctypes.memmove(tensor.data_ptr() + element * size, one.data_ptr(), size)


def peek(tensor: torch.Tensor, element: int) -> torch.Tensor:
    one = torch.empty(1, dtype=tensor.dtype)
    ctypes.memmove(one.data_ptr(), tensor.data_ptr() + element * tensor.element_size(), tensor.element_size())
    return one


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_guarded_tensor_is_the_same_tensor_and_its_guards_are_no_numbers(dtype: torch.dtype) -> None:
    value = (torch.rand(3, 5) * 2).to(dtype)
    guards = Guards()
    tensor = guards.around("x", value)
    assert tensor.dtype == dtype and torch.equal(tensor.float(), value.float())
    assert tensor.storage_offset() == 0 and tensor.untyped_storage().nbytes() == value.nbytes
    assert tensor.data_ptr() % 64 == value.data_ptr() % 64
    for outside in (peek(tensor, -1), peek(tensor, 15), peek(tensor, 14 + GUARD_BYTES // value.element_size())):
        if dtype.is_floating_point:
            assert outside.float().isnan()
        elif dtype not in (torch.uint8, torch.bool):
            assert outside < -(2**14)
    assert guards.strays() == []


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype != torch.bool], ids=str)
def test_a_write_is_located_to_the_element_and_put_back(dtype: torch.dtype) -> None:
    guards = Guards()
    tensor = guards.around("x", torch.ones(7, 3, dtype=dtype))
    for element in (-2, 21, 22, 25):
        poke(tensor, element)
    assert guards.strays() == [StrayWrite("x", -2, -2, 1), StrayWrite("x", 1, 5, 3)]
    assert guards.strays() == []


def test_strides_stay_and_what_lies_between_rows_does_too() -> None:
    whole = torch.arange(40.0).view(4, 10)
    for value in (whole.t(), whole[:, :3], whole[0].expand(5, 10), whole[:, 5]):
        tensor = Guards().around("x", value)
        assert torch.equal(tensor, value) and tensor.stride() == value.stride()


def test_a_guard_copied_over_another_is_a_change() -> None:
    guards = Guards()
    x, y = guards.around("x", torch.ones(4)), guards.around("y", torch.ones(4))
    ctypes.memmove(y.data_ptr() + 16, x.data_ptr() + 16, 8)
    assert guards.strays() == [StrayWrite("y", 1, 2, 2)]


def test_what_has_no_memory_of_its_own_is_left_alone() -> None:
    guards = Guards()
    nothing, meta = torch.empty(0), torch.empty(3, device="meta")
    assert guards.around("n", nothing) is nothing and guards.around("m", meta) is meta and guards.around("k", 3) == 3
    assert guards.strays() == []


def checked(run: Callable[..., Any], op: str = "residual_add", dims: dict[str, int] = DIMS) -> Correctness:
    case = Case("kernel", "planted", "float32", {}, op=op, site="main", dims=dims, answer=Implementation("planted"))
    variant = LoadedVariant(op, "planted", run, {}, None, None, REPOSITORY, "", "")
    return verify_variant(load_op(op), variant, case, torch.float32, "cpu", 0)


def right(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    torch.add(x, y, out=out)
    return out


def past_its_output(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = right(x, y)
    poke(out, out.numel() + 2)
    return out


def before_an_input(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    poke(y, -1)
    return right(x, y)


def past_a_temporary(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    scratch = torch.zeros(2, 3)
    poke(scratch, 6)
    return right(x, y)


def into_an_input(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = right(x, y)
    poke(y, 41)
    return out


def reads_past_an_input(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = right(x, y)
    out[2, 39] += peek(y, y.numel())[0]
    return out


@pytest.mark.parametrize(
    ("run", "kind", "words"),
    [
        (past_its_output, Mismatch.WRITE_OUTSIDE, "writes outside of z: 1 element after its end (+3)"),
        (before_an_input, Mismatch.WRITE_OUTSIDE, "writes outside of y: 1 element before its start (-1)"),
        (past_a_temporary, Mismatch.WRITE_OUTSIDE, "memory of shape (2, 3): 1 element after its end (+1)"),
        (into_an_input, Mismatch.INPUT_CHANGED, "y (dim 0: 1 of 3, dim 1: 1 of 40)"),
        (reads_past_an_input, Mismatch.READ_OUTSIDE, "reads outside of y"),
    ],
)
def test_a_kernel_that_leaves_its_operands_is_incorrect(run: Callable[..., Any], kind: Mismatch, words: str) -> None:
    assert checked(right).correct
    found = checked(run)
    assert not found.correct and found.kind is kind and words in f"{found.region}; {found.detail}", found


def test_a_kernel_that_differs_from_call_to_call_is_not_said_to_read_outside() -> None:
    assert checked(lambda x, y: right(x, y) + torch.rand(1)).kind is Mismatch.VALUES


STRAYS_LATER = """
import ctypes
import torch
CALLS = []
def run(x, y):
    CALLS.append(1)
    out = x + y
    if len(CALLS) > {calls}:
        ctypes.memset(x.data_ptr() + x.nbytes, 0, 8)
    return out
"""


def test_a_write_outside_of_a_timed_batch_alone_is_found_and_blamed_on_its_kernel(tmp_path: Any) -> None:
    """Both arms share the operand; the honest one is checked after the other has written beside it."""
    from harness.device.choice import open_device

    file = tmp_path / "strays_later.py"
    file.write_text(STRAYS_LATER.format(calls=12))
    cases = [
        Case(
            "kernel",
            arm,
            "float32",
            {"tokens": 3},
            op="residual_add",
            site="main",
            dims=DIMS,
            answer=Implementation(variant),
        )
        for arm, variant in (("strays", str(file)), ("honest", "torch_ops"))
    ]
    bench = KernelBench(open_device(), Timing(rounds=2), 0, str(tmp_path), "uniform")
    found = {m.measurement.case.arm: m.measurement for m in bench.run(cases) if isinstance(m, Measured)}
    assert found["strays"].status is Status.INCORRECT
    assert "writes outside of x: 2 elements after its end (+1 to +2)" in found["strays"].reason
    assert found["honest"].status is Status.OK, found["honest"].reason
