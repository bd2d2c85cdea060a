"""Parts that code can replace below Python: the C functions behind its objects, and torch's kernels behind its
operators."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from types import BuiltinFunctionType, MethodDescriptorType
from typing import Any

import torch

POINTER = ctypes.sizeof(ctypes.c_void_p)
METHOD = {BuiltinFunctionType: 2 * POINTER, MethodDescriptorType: 5 * POINTER}
"""Offset of the PyMethodDef pointer in a CPython object (m_ml, d_method); a PyMethodDef begins with a name and the C
function."""
DEFINITION = 4 * POINTER
VECTORCALL = 6 * POINTER
"""Offset, in both kinds of object, of the function that Python calls, which calls the C function."""
OPERATORS = tuple(
    f"aten::{name}"
    for name in (
        "_local_scalar_dense", "_to_copy", "abs", "all", "amax", "any", "any.dim", "any.dims",
        "bitwise_and.Tensor", "bitwise_not", "bitwise_or.Tensor", "clamp_max", "clamp_min", "copy_", "div.Tensor",
        "eq.Tensor", "equal", "fill_.Scalar", "isnan", "le.Scalar", "le.Tensor", "lt.Scalar", "max", "mean",
        "mean.dim", "mul.Tensor", "nan_to_num", "ne.Scalar", "nonzero", "normal_", "pow.Tensor_Scalar", "sqrt",
        "sub.Tensor", "sum", "uniform_", "where.self",
    )
)  # fmt: skip
"""Operators that comparisons consist of, and that draw and poison operands."""
KEYS = ("CPU", "CUDA", "Autograd", "ADInplaceOrView", "Composite", "BackendSelect", "catchall", "[alias]")


class CFunctions:
    """The C functions of Python's built-in functions and methods, as they were."""

    def __init__(self, functions: Sequence[Any]) -> None:
        known = [f for f in functions if type(f) in METHOD] if sys.implementation.name == "cpython" else []
        self._methods = [_word(id(function) + METHOD[type(function)]).value or 0 for function in known]
        self._named = [(f, _word(method + POINTER)) for f, method in zip(known, self._methods, strict=True) if method]
        self._named += [(function, _word(id(function) + VECTORCALL)) for function in known]
        self._values = [word.value for _, word in self._named]
        self._tables = [(first, size, ctypes.string_at(first, size)) for first, size in _tables(self._methods)]

    def changes(self, whole: bool) -> list[str]:
        """Names of the functions and methods whose C function changed; each is restored. whole: also check the entry
        that Python calls first of each object, which takes 0.2 ms."""
        as_they_were = all(ctypes.string_at(first, size) == kept for first, size, kept in self._tables)
        if as_they_were and not (whole and [word.value for _, word in self._named] != self._values):
            return []
        found = []
        for (function, word), value in zip(self._named, self._values, strict=True):
            if word.value != value:
                word.value = value
                found.append(getattr(function, "__qualname__", function.__name__))
        return list(dict.fromkeys(found))


def _word(address: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(address)


def _tables(methods: Sequence[int]) -> list[tuple[int, int]]:
    """Addresses and sizes of the memory ranges in which PyMethodDefs, four pointers each, follow one another."""
    found: list[tuple[int, int]] = []
    for method in sorted({method for method in methods if method}):
        if found and sum(found[-1]) == method:
            found[-1] = found[-1][0], found[-1][1] + DEFINITION
        else:
            found.append((method, DEFINITION))
    return found


def torch_kernels() -> dict[str, tuple[str, ...]]:
    """The functions that torch's dispatcher calls for CPU and GPU tensors, by operator."""
    dumps = {name: torch._C._dispatch_dump(name) for name in OPERATORS}
    return {name: tuple(line for line in dump.splitlines() if line.startswith(KEYS)) for name, dump in dumps.items()}
