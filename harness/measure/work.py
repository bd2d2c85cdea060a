"""The least work of one call: as declared by an op, or counted from its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from harness.load_kernels import LoadedOp
from harness.measure.expected import reference_of
from harness.values.case import Case
from harness.values.measurement import Work


def work_of(op: LoadedOp, case: Case, operands: Mapping[str, Any]) -> Work:
    """Bytes and operations of one call with these raw operands.

    Counted bytes: every input read once, every output written once in its own dtype, states both. Counted operations:
    the multiply-adds of products, convolutions and attention in torch's definitions; elementwise work is free.
    """
    if op.cost is not None:
        cost = op.cost(case.dims)
        return Work(cost.read_bytes, cost.write_bytes, cost.flop)
    key = (op.name, case.dtype, tuple(sorted(case.dims.items())))
    if key not in _counted:
        _counted[key] = counted_work(op, case.activations, operands)
    return _counted[key]


_counted: dict[Any, Work] = {}


class _Products(TorchDispatchMode):
    """Counts the operations of products, convolutions and attention by torch's own formulas. `FlopCounterMode` would do
    the same but import torch._dynamo, which replaces functions of torch in the process that measures."""

    def __init__(self) -> None:
        super().__init__()
        self.flop = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch's hook. True would import torch._dynamo."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flop += int(formula(*args, **(kwargs or {}), out_val=result))
        return result


def counted_work(op: LoadedOp, activations: str, operands: Mapping[str, Any]) -> Work:
    """The work, with these raw operands, of an op that does not declare its cost."""
    states = [i.name for i in op.op.inputs if i.role == "state"]
    with _Products() as products:
        results = reference_of(op, operands)
    outputs = results[: len(results) - len(states)]
    written = sum(
        output.numel() * _bytes(output, op.output_dtype(name, activations))
        for (name, _), output in zip(op.op.outputs, outputs, strict=True)
    )
    tensors = [value for value in operands.values() if isinstance(value, Tensor)]
    return Work(
        sum(value.nbytes for value in tensors), written + sum(operands[name].nbytes for name in states), products.flop
    )


def _bytes(output: Tensor, dtype: str) -> int:
    return getattr(torch, dtype).itemsize if output.dtype is torch.float32 and dtype else output.element_size()
