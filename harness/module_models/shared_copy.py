"""Copies of a module that hold its tensors, and the same module in float32: no weight is held twice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from harness.errors import CaseFailed

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By the bytes of an element."""


def tensors_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer, including those that are not saved; one that has two names comes twice."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def shared_copy(module: nn.Module) -> nn.Module:
    """A module of the same structure over the same memory: to replace a part of it, or to convert it (`half()`), leaves
    the original as it is."""
    return copy.deepcopy(module, {id(tensor): same_memory(tensor) for _, tensor in tensors_of(module)})


def same_memory(tensor: Tensor) -> Tensor:
    """Another tensor over the same memory, with the same count of writes; tensors of another kind (torchao's)
    themselves."""
    if not _is_plain(tensor):
        return tensor
    found = tensor.detach()
    if isinstance(tensor, nn.Parameter):
        found = nn.Parameter(found, requires_grad=tensor.requires_grad)
    found.__dict__.update(tensor.__dict__)  # marks that a model leaves on its weights
    return found


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) in (Tensor, nn.Parameter)


def in_float32(module: nn.Module) -> nn.Module:
    """A copy whose floating-point tensors are float32; tensors that are float32 already are shared."""
    found = shared_copy(module)
    converted: dict[int, Tensor] = {}  # a tensor that two modules hold stays one
    for part in found.modules():
        for held in (part._parameters, part._buffers):
            for name, tensor in held.items():
                if tensor is not None and tensor.is_floating_point() and tensor.dtype != torch.float32:
                    wide = converted.setdefault(id(tensor), tensor.detach().float())
                    held[name] = nn.Parameter(wide, requires_grad=False) if held is part._parameters else wide  # type: ignore[assignment]
    return found


def float32_bytes(module: nn.Module) -> int:
    """Bytes that `in_float32` would hold beside the module's own tensors."""
    other = {id(t): t for _, t in tensors_of(module) if t.is_floating_point() and t.dtype != torch.float32}
    return sum(4 * tensor.numel() for tensor in other.values())


def weight_bytes(module: nn.Module) -> int:
    """Bytes of the distinct storages of a module; tensors of another kind (torchao's) report their own."""
    found: dict[int, int] = {}
    for _, tensor in tensors_of(module):
        if _is_plain(tensor):
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        else:
            found[id(tensor)] = _parts_bytes(tensor)
    return sum(found.values())


def _parts_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor that is made of others."""
    names = tensor.__tensor_flatten__()[0] if hasattr(tensor, "__tensor_flatten__") else ()
    parts = [getattr(tensor, name) for name in names]
    return sum(part.nbytes for part in parts if part is not None) if parts else tensor.nbytes


@contextmanager
def unwritten(module: nn.Module, arm: str, again: Callable[[], nn.Module]) -> Iterator[None]:
    """Raises CaseFailed where the work inside wrote into the module's tensors, which all arms hold; they are then put
    back as in the module that `again` makes, so that the other arms stay right."""
    before = _contents(module)
    try:
        yield
    finally:
        now = _contents(module)
        written = next((name for name in before if now[name] != before[name]), "")
        if written:
            _put_back(module, again())
    if written:
        raise CaseFailed(f"arm {arm} writes into {written}, which all arms hold: make a new tensor instead")


def _contents(module: nn.Module) -> dict[str, tuple[int, int]]:
    """By name, how often each tensor was written and the sum of its bits: a write by `.data` is not counted."""
    return {name: (tensor._version, _sum_of_bits(tensor)) for name, tensor in tensors_of(module)}


def _sum_of_bits(tensor: Tensor) -> int:
    integers = INTEGERS.get(tensor.element_size())
    if not _is_plain(tensor) or tensor.is_meta or integers is None:
        return 0
    return int(tensor.detach().view(integers).sum(dtype=torch.int64))


def _put_back(module: nn.Module, made: nn.Module) -> None:
    values = dict(tensors_of(made))
    for name, tensor in tensors_of(module):
        tensor.detach().copy_(values[name])
