"""Copies of a module that hold its tensors, and the same module in float32: no weight is held twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn


def tensors_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer, including those that are not saved; one that has two names comes twice."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def shared_copy(module: nn.Module) -> nn.Module:
    """A module of the same structure over the same tensors: replacing a part of it leaves the original as it is."""
    return copy.deepcopy(module, {id(tensor): tensor for _, tensor in tensors_of(module)})


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
        if type(tensor) in (Tensor, nn.Parameter):
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


def versions(module: nn.Module) -> dict[str, int]:
    """How often each tensor was written, which shows a write into weights that others hold, too."""
    return {name: tensor._version for name, tensor in tensors_of(module)}
