"""Facts about an op file made of an imported problem, found by running it at small sizes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from harness.importers.messages import InputKinds, OpFacts, ProbeInputs, ProbeOp
from harness.importers.outcome import NotImported
from harness.serving.imported_module import kind_of, saying, tensors_of
from harness.serving.module_facts import refuse_constant
from harness.serving.small_sizes import small_sizes

MOST_BYTES = 2**30
"""Limit for the inputs of a check on a CPU, in float32."""
SMALL, SMALL_BATCH = 16, 2


class OpText:
    def __init__(self, asked: ProbeOp | ProbeInputs) -> None:
        module = ModuleType("imported_op")
        sys.modules[module.__name__] = module
        with saying("cannot be loaded"):
            exec(compile(asked.text, asked.file, "exec"), module.__dict__)
        self._inputs, self._reference = module.__dict__["inputs"], module.__dict__.get("reference")

    def made(self, dims: Mapping[str, int], device: str = "cpu") -> Any:
        """The return value of the file's `inputs`."""
        wanted = inspect.signature(self._inputs).parameters
        given = {name: value for name, value in {"device": device, "dtype": torch.float32}.items() if name in wanted}
        with torch.device(device):
            return self._inputs(**dims, **given)

    def inputs(self, dims: Mapping[str, int], device: str = "cpu") -> list[Any]:
        """The inputs in the reference's order."""
        made = self.made(dims, device)
        assert self._reference is not None
        if not isinstance(made, Mapping):
            return list(made)
        takes = inspect.signature(self._reference).parameters
        return [made.get(name, parameter.default) for name, parameter in takes.items()]

    def outputs(self, inputs: list[Any]) -> list[Tensor]:
        given = [_exact(value) for value in inputs]
        with torch.no_grad():
            return tensors_of(self._reference(*given)) if self._reference is not None else []

    def written(self, inputs: list[Any]) -> tuple[str, ...]:
        """Names of the inputs that the reference changes."""
        assert self._reference is not None
        copies = [_exact(value) for value in inputs]
        with torch.no_grad():
            self._reference(*copies)
        names = zip(inspect.signature(self._reference).parameters, inputs, copies, strict=False)
        return tuple(n for n, old, new in names if isinstance(old, Tensor) and not torch.equal(_exact(old), new))

    def works_without_memory(self, dims: Mapping[str, int]) -> bool:
        try:
            with torch.device("meta"):
                self.outputs(self.inputs(dims, "meta"))
        except (Exception, SystemExit):  # whatever somebody's reference raises there
            return False
        return True


def kinds_of(asked: ProbeInputs) -> InputKinds:
    """The kinds of the inputs, without computing values where possible."""
    try:
        op = OpText(asked)
        try:
            made = op.made(asked.dims, "meta")
        except (Exception, SystemExit):  # whatever somebody's setup raises on that device
            with saying("its inputs cannot be made on a CPU"):
                made = op.made(asked.dims)
        named = made.items() if isinstance(made, Mapping) else enumerate(made)
        return InputKinds(kinds={str(name): kind_of(value) for name, value in named})
    except NotImported as reason:
        return InputKinds(refused=str(reason))


def facts_of(asked: ProbeOp) -> OpFacts:
    """Small sizes and the axes that may vary; `refused` where the file makes no op."""
    try:
        return _facts(asked)
    except NotImported as reason:
        return OpFacts(refused=str(reason))


def _facts(asked: ProbeOp) -> OpFacts:
    op = OpText(asked)
    free = {n: v for n, v in asked.dims.items() if n in asked.free}
    small = [_small(asked, free, 0), _small(asked, free, 1)]
    if op.works_without_memory(small[0]):
        fixed = {name: value for name, value in asked.dims.items() if name not in free}

        def works(dims: Mapping[str, int]) -> bool:
            return op.works_without_memory({**small[0], **dims})

        shrunk = small_sizes(fixed, works)[0]
        small = [{**one, **shrunk} for one in small if op.works_without_memory({**one, **shrunk})]
    needed = _float32_bytes(op, small[0])
    if needed > MOST_BYTES:
        return OpFacts(
            unchecked=f"its constants need {needed / 2**30:.1f} GiB of inputs, too much for this check",
            varying=tuple(asked.free), small=tuple(small),
        )  # fmt: skip
    torch.manual_seed(0)
    with saying("does not run on a CPU"):
        inputs = op.inputs(small[0])
        first = op.outputs(inputs)
    torch.manual_seed(1)
    again = op.outputs(inputs)
    if not all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(first, again, strict=True)):
        raise NotImported("random: two calls on the same inputs differ")
    refuse_constant(first, op.outputs(op.inputs(small[0])))
    written = op.written(inputs)
    varying = [name for name, value in small[0].items() if name in free or value != asked.dims[name]]
    return OpFacts(varying=tuple(varying), small=tuple(small), written=written)


def _small(asked: ProbeOp, free: Mapping[str, int], more: int) -> dict[str, int]:
    """Small sizes of the axes that a workload gives, and the constants unchanged."""
    sizes = {name: (SMALL_BATCH if _is_batch(name) else SMALL) + more for name in free}
    return {**asked.dims, **sizes}


def _is_batch(name: str) -> bool:
    return any(word in name.lower() for word in ("batch", "num_seqs"))


def _exact(value: Any) -> Any:
    """A copy in the form that the reference gets: floats in float32."""
    if not isinstance(value, Tensor):
        return value
    return value.clone().float() if value.is_floating_point() else value.clone()


def _float32_bytes(op: OpText, dims: Mapping[str, int]) -> int:
    with saying("its inputs cannot be made"):
        made = op.inputs(dims, "meta")
    return sum(4 * value.numel() for value in made if isinstance(value, Tensor))
