"""Check the outputs of a call against the contract of its op and variant, before their values are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from harness.load_kernels import LoadedOp
from harness.values.measurement import Correctness, Mismatch, Tolerance

OWN_CLASSES = (Tensor, torch.nn.Parameter)
OVERLAPS = 1
"""Results of `torch._debug_has_internal_overlap`: 0 no, 1 yes, 2 too expensive to tell."""


def broken_contract(op: LoadedOp, outputs: Sequence[Any], inputs: Sequence[Any], activations: str) -> str:
    """Describe how one call's outputs break the contract; empty where they keep it. activations: name of their
    dtype."""
    names = [name for name, _ in op.op.outputs]
    if len(outputs) != len(names):
        return f"{len(outputs)} outputs, the op has {len(names)} ({', '.join(names) or 'none'})"
    given = {value.untyped_storage().data_ptr() for value in inputs if isinstance(value, Tensor) and value.numel()}
    devices = {value.device for value in inputs if isinstance(value, Tensor)}
    for name, output in zip(names, outputs, strict=True):
        if type(output) not in OWN_CLASSES:
            return f"{name} is no torch.Tensor but a {type(output).__qualname__}"
        wanted = op.output_dtype(name, activations)
        said = name in getattr(op.op, "output_dtypes", {})
        if (output.is_floating_point() or said) and wanted and output.dtype != getattr(torch, wanted):
            hint = "" if said or output.element_size() > 1 else " (an op whose output has another says OUTPUT_DTYPES)"
            return f"{name} has dtype {output.dtype}, wanted torch.{wanted}{hint}"
        if devices and output.device not in devices:
            return f"{name} lies on {output.device}, its inputs on {', '.join(sorted(map(str, devices)))}"
        if torch._debug_has_internal_overlap(output) == OVERLAPS:
            return f"{name}: its elements overlap in memory (strides {output.stride()})"
        if output.numel() and output.untyped_storage().data_ptr() in given:
            return f"{name} is a view of an input"
    return ""


def shared_buffer(op: LoadedOp, calls: Sequence[Sequence[Tensor]]) -> str:
    """Name an output of one call that lies in the memory of another call's output; empty where each has its own memory.
    calls: the outputs of several calls, all still held."""
    seen: dict[int, tuple[int, str]] = {}
    for number, outputs in enumerate(calls):
        for (name, _), output in zip(op.op.outputs, outputs, strict=True):
            if not output.numel():
                continue
            earlier = seen.setdefault(output.untyped_storage().data_ptr(), (number, name))
            if earlier[0] != number:
                return f"{name} of one call lies in the buffer of another call's {earlier[1]}"
    return ""


class DefinitionCalled(Exception):
    """A variant called the definition that its output is compared with."""


@contextmanager
def definition_forbidden(op: LoadedOp) -> Iterator[None]:
    """While open, the op's definition raises DefinitionCalled for every caller, under every name. A definition that is
    no plain function stays callable."""
    definition = op.reference
    if not isinstance(definition, FunctionType) or definition.__closure__:
        yield
        return
    code, definition.__code__ = definition.__code__, _refuse.__code__
    try:
        yield
    finally:
        definition.__code__ = code


def _refuse(*_: Any, **__: Any) -> Any:
    from harness.measure.contract import DefinitionCalled  # the definition has other globals

    raise DefinitionCalled("calls the definition (reference.py) that it is compared with")


def refused(words: str, tolerance: Tolerance, kind: Mismatch = Mismatch.OUTPUTS) -> Correctness:
    """The result of a call that breaks its contract: no value is compared."""
    infinite = float("inf")
    return Correctness(False, infinite, infinite, tolerance.max_error, tolerance.rms_error, 0, 0, words, kind=kind)
