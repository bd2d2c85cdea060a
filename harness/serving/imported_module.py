"""An imported module, run under a name of its own in a worker."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from harness.importers.messages import ProbeModule
from harness.importers.outcome import NotImported
from harness.measure.failure import first_line

SAME = 1e-5


class Problem:
    """A module's text, run under a name of its own. Raises NotImported for any exception of it."""

    def __init__(self, asked: ProbeModule) -> None:
        self._evaluate = asked.evaluate
        module = ModuleType("imported_problem")
        sys.modules[module.__name__] = module
        with saying("cannot be loaded"):
            exec(compile(asked.text, asked.file, "exec"), module.__dict__)
        self._scope = module.__dict__

    def arguments(self, dims: Mapping[str, int]) -> list[Any]:
        """Return the arguments of `Model`. Raises NotImported where `get_init_inputs` returns no list."""
        made = self._scope["problem"](**dims)[0]
        if not isinstance(made, list | tuple):
            raise NotImported(f"get_init_inputs returns {type(made).__name__}, not a list")
        return list(made)

    def inputs(self, dims: Mapping[str, int]) -> list[Any]:
        """Return the inputs of a call. Raises NotImported where `get_inputs` returns no list."""
        made = self._scope["problem"](**dims)[1]()
        if not isinstance(made, list | tuple):
            raise NotImported(f"get_inputs returns {type(made).__name__}, not a list")
        return list(made)

    def module(self, dims: Mapping[str, int], device: str = "cpu") -> nn.Module:
        """Return the module. Raises NotImported where `Model` makes none."""
        with torch.device(device):
            made = self._scope["Model"](*self.arguments(dims))
        if not isinstance(made, nn.Module):
            raise NotImported("Model is no torch.nn.Module")
        return made.eval() if self._evaluate else made

    def outputs_without_memory(self, dims: Mapping[str, int]) -> list[Tensor] | None:
        """Its outputs at these sizes, without values; None where it does not run so."""
        try:
            module = self.module(dims, "meta")
            with torch.no_grad(), torch.device("meta"):
                return tensors_of(module(*self.inputs(dims)))
        except NotImported:
            raise
        except (
            Exception,
            SystemExit,
        ):  # whatever somebody's module raises at sizes that it does not take, or on that device
            return None

    def works_without_memory(self, dims: Mapping[str, int]) -> bool:
        return self.outputs_without_memory(dims) is not None

    def works(self, dims: Mapping[str, int]) -> bool:
        try:
            with torch.no_grad():
                self.module(dims)(*self.inputs(dims))
        except (Exception, SystemExit):  # as above
            return False
        return True


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Name the step in which the problem's code fails. Raises NotImported with its error."""
    try:
        yield
    except NotImported:
        raise
    except (Exception, SystemExit) as error:
        raise NotImported(f"{what}: {type(error).__name__}: {first_line(error)}") from error


def called(module: nn.Module, inputs: Sequence[Any], grad: bool = False) -> list[Tensor]:
    """The module's outputs for copies of the inputs; the module stays unchanged."""
    before = {name: value.clone() for name, value in module.named_buffers()}
    try:
        with torch.set_grad_enabled(grad):
            made = module(*[value.clone() if isinstance(value, Tensor) else value for value in inputs])
    finally:
        with torch.no_grad():
            for name, value in module.named_buffers():
                if name in before and value is not None:
                    value.copy_(before[name])
    return tensors_of(made)


def tensors_of(made: Any) -> list[Tensor]:
    """Return the tensors of a result. Raises NotImported for a result that an op cannot have."""
    found = list(made) if isinstance(made, list | tuple) else [made]
    for value in found:
        if not isinstance(value, Tensor):
            raise NotImported(f"returns {type(value).__name__} where an op returns tensors")
        if value.is_complex():
            raise NotImported("returns complex numbers")
    if not found:
        raise NotImported("returns nothing")
    return found


def kind_of(value: Any) -> str:
    """`float32 [8, 16]` of a tensor, else the text of a literal. Raises NotImported where it has none."""
    if isinstance(value, Tensor):
        if value.is_nested or type(value) not in (Tensor, nn.Parameter):
            raise NotImported(f"takes a {type(value).__name__}, which is no plain tensor")
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    return literal_of(value)


def literal_of(value: Any) -> str:
    """Text that evaluates to the value. Raises NotImported where it has none."""
    text = repr(value)
    try:
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise NotImported(f"takes {type(value).__name__}, which is neither a tensor nor a literal")
    return text


def agree(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether outputs are the same up to the order of sums."""
    return len(some) == len(others) and all(_same(a, b) for a, b in zip(some, others, strict=True))


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    one, other = one.nan_to_num().double(), other.nan_to_num().double()
    return bool((one - other).abs().max() <= SAME * one.abs().max()) if one.numel() else True
