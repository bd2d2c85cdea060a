"""A decoder that a user's function builds: `model: ./mine.py:build`; docs/hf.md has the protocol."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import CaseFailed
from harness.module_models.named_function import named_function
from harness.module_models.shared_copy import same_memory, tensors_of
from harness.values.module_model import ModuleModel

PARTS = ("prefill", "decode")


def build(model: ModuleModel, batch: int, capacity: int, dtype: torch.dtype, device: str, seed: int) -> nn.Module:
    """The module that the function returns for these keywords and those of `config`.

    The function need not take all of the former. Raises CaseFailed where the result is no module with `states`,
    `prefill` and `decode`.
    """
    function = named_function(model.name)
    torch.manual_seed(seed)
    offered = {"batch": batch, "capacity": capacity, "dtype": dtype, "device": device, "seed": seed}
    taken = inspect.signature(function).parameters
    every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    given = {name: value for name, value in offered.items() if every or name in taken}
    made = function(**{**given, **model.config})
    if not isinstance(made, nn.Module):
        raise CaseFailed(f"{model.name} returned {type(made).__name__}, wanted: a torch module")
    return checked(made.eval(), model.name)


def checked(module: Any, source: str) -> nn.Module:
    """The module, after a check that it keeps to the protocol. Raises CaseFailed where it lacks a part."""
    lacks = [name for name in PARTS if not callable(getattr(module, name, None))]
    if lacks:
        raise CaseFailed(f"{source}: the module has no {' and no '.join(lacks)}; see docs/hf.md")
    states = getattr(module, "states", None)
    if not isinstance(states, dict) or not all(isinstance(state, Tensor) for state in states.values()):
        raise CaseFailed(f"{source}: the module needs `states`, a dict of the tensors that a step changes")
    if not isinstance(getattr(module, "vocab_size", None), int):
        raise CaseFailed(f"{source}: the module needs `vocab_size`, a whole number")
    found: nn.Module = module
    return found


def weights_of(module: Any) -> dict[str, Tensor]:
    """Parameters and buffers by name, without the states."""
    states = {id(state) for state in module.states.values()}
    return {name: tensor for name, tensor in tensors_of(module) if id(tensor) not in states}


def share_weights(module: nn.Module, weights: dict[str, Tensor], dtype: torch.dtype) -> nn.Module:
    """The module over these weights: the same memory where they are of that dtype, else copies of it. Raises
    CaseFailed where the module has others.
    """
    own = weights_of(module)
    if own.keys() != weights.keys():
        raise CaseFailed(f"the model's weights differ between two builds: {sorted(own.keys() ^ weights.keys())[:3]}")
    for name, tensor in weights.items():
        holder, _, last = name.rpartition(".")
        part = module.get_submodule(holder)
        held: Any = part._parameters if last in part._parameters else part._buffers
        wanted = tensor.detach().to(dtype) if tensor.is_floating_point() else tensor
        if wanted.data_ptr() == tensor.data_ptr() and wanted.dtype == tensor.dtype:
            wanted = same_memory(tensor)
        elif held is part._parameters:
            wanted = nn.Parameter(wanted, requires_grad=False)
        held[last] = wanted
    return module
