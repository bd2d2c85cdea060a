"""Imports one variant and returns its sweep space: a service for files that compute it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from harness.device.nvml import has_gpu
from harness.errors import HarnessError
from harness.suite.catalogue import bind_ops
from harness.suite.computed_space import SpaceReply, SpaceRequest
from harness.worker.messages import Boot, Done
from harness.worker.wire import Wire


def serve(wire: Wire, _: Boot) -> None:
    """Serve one request. Raises HarnessError for a file that cannot be imported, and for a space with unsupported
    values."""
    if not has_gpu():
        os.environ["TRITON_INTERPRET"] = "1"  # some decorators ask for a driver
    from harness.load_kernels import load_variant

    asked: SpaceRequest = wire.receive(SpaceRequest)
    bind_ops(asked.ops)
    wire.send(SpaceReply(plain(load_variant(asked.op, asked.variant, asked.folder).space, "SPACE")))
    wire.send(Done())


def plain(value: Any, path: str) -> Any:
    """The value as dicts, lists, numbers, words, booleans and None: ranges, tuples and arrays are converted. Raises
    HarnessError for any other value."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one, f"{path}.{key}") for key, one in value.items()}
    if isinstance(value, Iterable):
        return [plain(one, f"{path}[{number}]") for number, one in enumerate(value)]
    raise HarnessError(f"{path} is {type(value).__name__}; allowed: numbers, words, truth values, None")
