"""The inputs of an op: drawn by `kernels/operands.py` from its declaration, or by the op's own function where it has
one."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.load_kernels import LoadedOp, load_operands
from harness.suite.own_op import ALL_DIMS, GIVEN, WEIGHTS

DEFAULTS = (torch.float32, torch.bfloat16, torch.float16)
"""Dtypes that can be torch's default for floats."""
REDRAWN = 8
"""Draws of a user's own indices that the calls of a batch share: each draw makes all inputs of a call."""


def make_inputs(
    op: LoadedOp, dims: Mapping[str, int], dtype: torch.dtype, device: str, generator: torch.Generator, routing: Any,
    only: Collection[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """All inputs of a call by name, or `only` these. Raises HarnessError where an op's own function returns other
    things than its reference takes."""
    if op.inputs is None:
        return dict(load_operands().make(op.op, dims, dtype, device, generator, routing, only))
    if only is not None and not only:
        return {}
    made = _named(op, _call(op, dims, dtype, device, generator), device)
    return made if only is None else {name: made[name] for name in only}


def redraw_indices(
    op: LoadedOp, dims: Mapping[str, int], dtype: torch.dtype, device: str, generator: torch.Generator, routing: Any,
    count: int,
) -> list[dict[str, Tensor]]:  # fmt: skip
    """Fresh values of the inputs that choose the data to read, for each of `count` calls."""
    if op.inputs is None:
        drawn: list[dict[str, Tensor]] = load_operands().redraw(op.op, dims, device, generator, routing, count)
        return drawn
    indices = [i.name for i in op.op.inputs if i.role == "index"]
    if not indices:
        return [{} for _ in range(count)]
    draws = [make_inputs(op, dims, dtype, device, generator, routing, indices) for _ in range(min(count, REDRAWN))]
    return [draws[call % len(draws)] for call in range(count)]


def _call(op: LoadedOp, dims: Mapping[str, int], dtype: torch.dtype, device: str, generator: torch.Generator) -> Any:
    """The result of the op's own function. Tensors that it makes without a device or dtype lie on `device`; their
    floats have `dtype`, or bfloat16 where `dtype` is narrower. Random numbers without a generator follow from the same
    seed."""
    assert op.inputs is not None
    wanted = inspect.signature(op.inputs).parameters
    given: dict[str, Any] = {
        "generator": generator, "dtype": dtype, "device": device, WEIGHTS: op.weights, ALL_DIMS: dict(dims),
    }  # fmt: skip
    keywords = {name: given[name] for name in (*GIVEN, ALL_DIMS) if name in wanted}
    if not op.weights:
        keywords.pop(WEIGHTS, None)  # its own default
    floats = dtype if dtype in DEFAULTS else torch.bfloat16
    if floats is not dtype and "dtype" not in wanted:
        raise HarnessError(f"{op.name}: inputs takes no `dtype`: it has to make {str(dtype).partition('.')[2]} itself")
    if ALL_DIMS not in wanted:
        keywords |= dims
    usual = torch.get_default_dtype()
    devices = [torch.device(device)] if device != "cpu" else []
    with torch.random.fork_rng(devices), torch.device(device), torch.no_grad():
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator, device=generator.device)))
        torch.set_default_dtype(floats)
        try:
            return op.inputs(**keywords)
        finally:
            torch.set_default_dtype(usual)


def _named(op: LoadedOp, made: Any, device: str) -> dict[str, Any]:
    """By name, with the constants of the reference's defaults."""
    names = [i.name for i in op.op.inputs]
    constants = {i.name: i.value for i in op.op.inputs if i.value is not None}
    if isinstance(made, Mapping):
        found = dict(made)
    else:
        values = list(made) if isinstance(made, Sequence) else [made]
        free = [name for name in names if name not in constants] if len(values) < len(names) else names
        if len(values) != len(free):
            raise HarnessError(f"{op.name}: inputs returns {len(values)} values, its reference takes {_list(names)}")
        found = dict(zip(free, values, strict=True))
    found = {**constants, **found}
    if set(found) != set(names):
        raise HarnessError(f"{op.name}: inputs returns {_list(found)}, its reference takes {_list(names)}")
    for i in op.op.inputs:
        value = found[i.name]
        if isinstance(value, Tensor):
            if value.device.type != torch.device(device).type:
                raise HarnessError(f"{op.name}: inputs makes {i.name} on {value.device}, wanted {device}")
        elif i.role not in ("constant", "activation", "cache"):
            raise HarnessError(f"{op.name}: {i.name} has the role {i.role} and is no tensor but {type(value).__name__}")
    return {name: found[name] for name in names}


def _list(names: Collection[str]) -> str:
    return ", ".join(names) or "nothing"


def write_within(lies: Tensor, value: Tensor) -> None:
    """Copy a value in place, except for an eighth of each row at either end. Copies integers whole: offsets and lengths
    of two draws do not fit together."""
    if not value.is_floating_point() or not value.dim():
        lies.copy_(value)
        return
    width = value.shape[-1]
    inner = slice(width // 8, width - width // 8)
    lies[..., inner].copy_(value[..., inner])
