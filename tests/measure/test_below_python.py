"""C functions that are replaced behind Python's objects are named and put back, torch's kernels are named."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import pytest
import torch

from harness.measure.below_python import METHOD, POINTER, VECTORCALL, CFunctions, torch_kernels

WATCHED = [time.perf_counter, time.monotonic, vars(torch._C.TensorBase)["abs"], vars(str)["upper"]]


def field(function: object, place: str) -> ctypes.c_void_p:
    if place == "vectorcall":
        return ctypes.c_void_p.from_address(id(function) + VECTORCALL)
    method = ctypes.c_void_p.from_address(id(function) + METHOD[type(function)]).value
    assert method
    return ctypes.c_void_p.from_address(method + POINTER)


@pytest.mark.parametrize(("place", "other"), [("method", time.monotonic), ("vectorcall", len)])
def test_another_c_function_is_named_and_put_back(place: str, other: object) -> None:
    """The function itself, and what Python calls in its place."""
    kept = CFunctions(WATCHED)
    assert kept.changes(whole=True) == []
    field(time.perf_counter, place).value = field(other, place).value
    assert kept.changes(whole=True) == ["perf_counter"]
    assert kept.changes(whole=True) == [] and time.perf_counter() > 0


def test_a_method_of_a_tensor_is_named() -> None:
    kept, word = CFunctions(WATCHED), field(vars(torch._C.TensorBase)["abs"], "method")
    word.value = field(vars(torch._C.TensorBase)["isnan"], "method").value
    assert kept.changes(whole=False) == ["TensorBase.abs"]
    assert torch.tensor([-1.0]).abs().item() == 1.0


def test_what_is_no_c_function_is_passed_over() -> None:
    assert CFunctions([test_a_method_of_a_tensor_is_named, int, Callable]).changes(whole=True) == []


def test_torchs_own_kernels_stay_as_they_are_while_it_is_used() -> None:
    before = torch_kernels()
    assert all(before.values())
    torch.randn(4, requires_grad=True).square().sum().backward()
    assert torch_kernels() == before


def test_a_kernel_that_python_gives_to_the_dispatcher_is_seen() -> None:
    before = torch_kernels()
    held = torch.library.Library("aten", "IMPL")
    held.impl("abs", torch.zeros_like, "CPU")
    assert torch_kernels()["aten::abs"] != before["aten::abs"]
    held._destroy()
    assert torch_kernels() == before
