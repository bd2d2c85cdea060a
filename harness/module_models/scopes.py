"""A scope around each call of a module, so that a trace shows the module and layer of each kernel."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

LAYER = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks|block)\.(\d+)(?:\.|$)")
"""The list that holds a model's layers, by the names that models of transformers give it."""


def scope_of(path: str, module: nn.Module) -> str:
    """`nn.Module: self_attn.q_proj#12`, the trace reader's form for modules: the path below the layer.

    Outside of layers it is the whole path; for the model itself it is its class.
    """
    layer = LAYER.search(path)
    name = (path[layer.end() :] if layer else path) or type(module).__name__
    return f"nn.Module: {name}#{layer[1] if layer else '-'}"


class ModuleScopes:
    """Hooks on every module; `remove` removes them."""

    def __init__(self, module: nn.Module) -> None:
        self._open: list[Any] = []
        self._handles = []
        for path, part in module.named_modules():
            enter = _Enter(scope_of(path, part), self._open)
            self._handles.append(part.register_forward_pre_hook(enter))
            self._handles.append(part.register_forward_hook(self._leave, always_call=True))

    def _leave(self, *_: Any) -> None:
        self._open.pop().__exit__(None, None, None)

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


class _Enter:
    def __init__(self, name: str, opened: list[Any]) -> None:
        self._name, self._opened = name, opened

    def __call__(self, *_: Any) -> None:
        scope = torch.profiler.record_function(self._name)
        scope.__enter__()
        self._opened.append(scope)
