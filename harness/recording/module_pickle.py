"""A module of a program without the tensors that are inputs of its op."""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch
from torch import Tensor


def packed(module: Any) -> dict[str, Any]:
    """module: its bytes. state: shape and dtype of each parameter and buffer. extra: other tensors that it holds.
    Raises any exception of pickling its contents."""
    parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    names = {id(value): ("buffer", name) for name, value in buffers.items()}
    names |= {id(value): ("parameter", name) for name, value in parameters.items()}
    extra: list[Tensor] = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if not isinstance(value, Tensor):
                return None
            if id(value) not in names:
                extra.append(value.detach().cpu())
                names[id(value)] = ("extra", len(extra) - 1)
            return names[id(value)]

    out = io.BytesIO()
    Pickler(out).dump(module)
    state = {name: (tuple(v.shape), str(v.dtype).removeprefix("torch.")) for name, v in (parameters | buffers).items()}
    return {"module": torch.frombuffer(bytearray(out.getvalue()), dtype=torch.uint8), "state": state, "extra": extra}
